package ginsession_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
)

// BenchmarkFile is READ and WRITE of a store, each beside what its file operations cost alone.
func BenchmarkFile(b *testing.B) {
	b.Run("plain", func(b *testing.B) {
		benchmarkFile(b, ginsession.Config{}, func(text []byte) []byte { return text })
	})
	b.Run("signed", func(b *testing.B) {
		signer := recordSigner(b)
		benchmarkFile(b, ginsession.Config{SecretKey: testSecret}, func(text []byte) []byte { return signer.AppendDumps(nil, text, start) })
	})
}

func benchmarkFile(b *testing.B, cfg ginsession.Config, seal func(text []byte) []byte) {
	const sessions = 1000
	dir := b.TempDir()
	cfg.Engine = ginsession.File(dir)
	store, err := ginsession.OpenStore(cfg)
	if err != nil {
		b.Fatal(err)
	}
	cfg.Engine = ginsession.File(dir, ginsession.Unsynced())
	unsynced, err := ginsession.OpenStore(cfg)
	if err != nil {
		b.Fatal(err)
	}
	folder, err := os.Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { folder.Close() })

	text := `{"cart":[101,205,309],"csrf":"` + strings.Repeat("c", 100) + `","name":"Ada Lovelace","theme":"dark","visits":%d}`
	key := func(n int) string { return fmt.Sprintf("%032d", n%sessions) }
	file := func(n int) string { return filepath.Join(dir, "sessionid"+key(n)) }
	record := func(n int) ginsession.Record {
		return ginsession.Record{Data: seal(fmt.Appendf(nil, text, 1_000_000+n)), Expires: start.Add(time.Hour)}
	}
	for n := range sessions {
		if err := store.Create(b.Context(), key(n), record(n), start); err != nil {
			b.Fatal(err)
		}
	}
	update := func(store ginsession.Store, n int) error {
		next := record(sessions + n)
		_, err := store.Update(b.Context(), key(n), ginsession.Record{}, start, func(ginsession.Record) (ginsession.Record, error) { return next, nil })
		return err
	}
	for _, c := range []struct {
		name string
		run  func(n int) error
	}{
		{"READ", func(n int) error {
			_, err := store.Load(b.Context(), key(n), start)
			return err
		}},
		{"READ/raw", func(n int) error {
			_, err := os.ReadFile(file(n))
			return err
		}},
		{"WRITE", func(n int) error { return update(store, n) }},
		{"WRITE,unsynced", func(n int) error { return update(unsynced, n) }},
		{"WRITE/raw", func(n int) error { return rawWrite(folder, file(n), record(sessions+n).Data, true) }},
		{"WRITE/raw,unsynced", func(n int) error { return rawWrite(folder, file(n), record(sessions+n).Data, false) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if err := c.run(n); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// rawWrite writes a temporary file and renames it.
func rawWrite(folder *os.File, name string, data []byte, sync bool) error {
	f, err := os.CreateTemp(folder.Name(), "tmp")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil && sync {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close(), os.Rename(f.Name(), name)); err != nil || !sync {
		return err
	}
	return folder.Sync()
}
