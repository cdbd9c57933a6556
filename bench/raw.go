package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/gin-gonic/gin"
	"github.com/maypok86/otter/v2"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/signing"
)

// This file has the floors: what a request costs at least, in the same table, over the same
// driver and client as ours, with no framework around it.

// bareGin is Gin without any middleware.
func bareGin() subject { return ginAlone("bare gin") }

// ginSet is Gin with a middleware that does nothing but leave a value in the context, as each that
// hands something to its handlers must.
func ginSet() subject {
	return ginAlone("gin, a middleware with c.Set", func(c *gin.Context) {
		c.Set("github.com/ginsession/ginsession/bench", new(struct {
			pointer *int
			words   [13]uintptr
		}))
	})
}

func ginAlone(name string, middleware ...gin.HandlerFunc) subject {
	return subject{name, floor, func(e *environment) (*instance, error) {
		r := gin.New()
		r.Use(middleware...)
		r.GET(idlePath, answerIdle)
		s := &site{handler: r}
		for range baseRows {
			s.cookies = append(s.cookies, []string{"sessionid=" + cookieKey(0)})
		}
		return s.instance(e.close), nil
	}}
}

// rawSQL is a prepared SELECT for READ, and that and an UPDATE that moves the expiry for WRITE.
func rawSQL(database string) subject {
	return subject{"raw SELECT, UPDATE, " + database, floor, func(e *environment) (*instance, error) {
		g, db, err := e.gorm(database)
		if err != nil {
			return nil, err
		}
		if err := ginsession.Migrate(g); err != nil {
			return nil, err
		}
		t, err := newRawTable(db, database)
		if err != nil {
			return nil, err
		}
		if err := t.fill(e); err != nil {
			return nil, err
		}
		if e.rows > baseRows {
			if err := t.copyRows(e, db, database); err != nil {
				return nil, err
			}
		}
		return workers(len(t.keys), t.worker, e.close), nil
	}}
}

type rawTable struct {
	load, update, insert *sql.Stmt
	textDates            bool
	keys                 []string
	text                 string // of a session
	count                atomic.Int64
}

func newRawTable(db *sql.DB, database string) (*rawTable, error) {
	t := &rawTable{textDates: database != "PostgreSQL"}
	date := "CAST(expire_date AS CHAR)"
	switch database {
	case "SQLite":
		date = "CAST(expire_date AS TEXT)"
	case "PostgreSQL":
		date = "expire_date"
	}
	var err error
	prepare := func(query string) *sql.Stmt {
		if database == "PostgreSQL" {
			for n := 1; strings.Contains(query, "?"); n++ {
				query = strings.Replace(query, "?", "$"+strconv.Itoa(n), 1)
			}
		}
		stmt, prepareErr := db.Prepare(query)
		if err == nil {
			err = prepareErr
		}
		return stmt
	}
	t.load = prepare("SELECT session_data, " + date + " FROM gin_session WHERE session_key = ? AND expire_date > ?")
	t.update = prepare("UPDATE gin_session SET session_data = ?, expire_date = ? WHERE session_key = ?")
	t.insert = prepare("INSERT INTO gin_session (session_data, expire_date, session_key) VALUES (?, ?, ?)")
	return t, err
}

func (t *rawTable) fill(e *environment) error {
	text, err := jsonOf(e.content.of(0))
	if err != nil {
		return err
	}
	t.text = text
	for i := range e.signIns() {
		key := digest(cookieKey(-1 - i))
		if _, err := t.insert.Exec(text, t.date(24*time.Hour), key); err != nil {
			return err
		}
		t.keys = append(t.keys, key)
	}
	return nil
}

func (t *rawTable) copyRows(e *environment, db *sql.DB, database string) error {
	key := func(i int) string { return digest(cookieKey(i)) }
	if err := copyRows(db, database, copyOf{table: "gin_session", key: "session_key", rows: e.rows, keyOf: key}); err != nil {
		return err
	}
	t.keys = t.keys[:0]
	for i := range maxVisitors {
		t.keys = append(t.keys, key(i*(e.rows/maxVisitors)))
	}
	return nil
}

func (t *rawTable) date(ahead time.Duration) any {
	date := time.Now().Add(ahead).UTC()
	if t.textDates {
		return date.Format("2006-01-02 15:04:05.000000")
	}
	return date
}

func (t *rawTable) worker(op operation) worker {
	switch op {
	case read:
		return func(i int) error { return t.read(t.keys[i]) }
	case write:
		return func(i int) error {
			if err := t.read(t.keys[i]); err != nil {
				return err
			}
			n := t.count.Add(1)
			_, err := t.update.Exec(t.changed(n), t.date(24*time.Hour+time.Duration(n)*time.Millisecond), t.keys[i])
			return err
		}
	default:
		return func(int) error {
			_, err := t.insert.Exec(t.text, t.date(24*time.Hour), digest("new"+strconv.FormatInt(t.count.Add(1), 10)))
			return err
		}
	}
}

func (t *rawTable) read(key string) error {
	var data, text string
	var date time.Time
	row := t.load.QueryRow(key, t.date(0))
	if t.textDates {
		return row.Scan(&data, &text)
	}
	return row.Scan(&data, &date)
}

// changed is a session whose number of visits has changed.
func (t *rawTable) changed(n int64) string { return changed(t.text, n) }

func changed(text string, n int64) string {
	return strings.Replace(text, strconv.Itoa(firstCount), strconv.FormatInt(firstCount+n%80_000, 10), 1)
}

func jsonOf(session []pair) (string, error) {
	values := make(map[string]any, len(session))
	for _, p := range session {
		values[p.key] = p.value
	}
	text, err := json.Marshal(values)
	return string(text), err
}

// rawRedis is GET for READ and GET and SET for WRITE. valkey-go pipelines what many goroutines
// send at once.
func rawRedis() subject {
	return subject{"raw GET, SET", floor, func(e *environment) (*instance, error) {
		client, err := e.valkey()
		if err != nil {
			return nil, err
		}
		text, err := jsonOf(e.content.of(0))
		if err != nil {
			return nil, err
		}
		ctx := context.Background()
		prefix := "raw:" + cookieKey(int(time.Now().UnixNano()))
		keys := make([]string, baseRows)
		var count atomic.Int64
		get := func(key string) error {
			_, err := client.Do(ctx, client.B().Get().Key(key).Build()).AsBytes()
			return err
		}
		set := func(key string) error {
			set := client.B().Set().Key(key).Value(changed(text, count.Add(1))).PxMilliseconds(1_209_600_000)
			return client.Do(ctx, set.Build()).Error()
		}
		for i := range keys {
			keys[i] = prefix + cookieKey(i)
			if err := set(keys[i]); err != nil {
				return nil, err
			}
		}
		return workers(baseRows, func(op operation) worker {
			switch op {
			case read:
				return func(i int) error { return get(keys[i]) }
			case write:
				return func(i int) error {
					if err := get(keys[i]); err != nil {
						return err
					}
					return set(keys[i])
				}
			default:
				return func(i int) error { return set(prefix + strconv.FormatInt(count.Load(), 10)) }
			}
		}, e.close), nil
	}}
}

// rawMemcached is GET for READ and GET and CAS for WRITE.
func rawMemcached() subject {
	return subject{"raw GET, CAS", floor, func(e *environment) (*instance, error) {
		addr, err := server("TEST_MEMCACHED_ADDR")
		if err != nil {
			return nil, err
		}
		client := memcache.New(addr)
		client.MaxIdleConns = connections
		e.onClose(func() { _ = client.Close() })
		text, err := jsonOf(e.content.of(0))
		if err != nil {
			return nil, err
		}
		keys := make([]string, baseRows)
		for i := range keys {
			keys[i] = "raw" + cookieKey(i)
			if err := client.Set(&memcache.Item{Key: keys[i], Value: []byte(text)}); err != nil {
				return nil, err
			}
		}
		var count atomic.Int64
		return workers(baseRows, func(op operation) worker {
			return func(i int) error {
				item, err := client.Get(keys[i])
				if err != nil || op == read {
					return err
				}
				item.Value = []byte(changed(text, count.Add(1)))
				return client.CompareAndSwap(item)
			}
		}, e.close), nil
	}}
}

// rawOtter is a look-up in the cache under cache/memory.
func rawOtter() subject {
	return subject{"raw otter get", floor, func(e *environment) (*instance, error) {
		cache := otter.Must(&otter.Options[string, []byte]{MaximumSize: 10 * baseRows})
		e.onClose(func() { cache.StopAllGoroutines() })
		keys := make([]string, baseRows)
		for i := range keys {
			keys[i] = "ginsession:" + digest(cookieKey(i))
			cache.Set(keys[i], []byte("value"))
		}
		return workers(baseRows, func(operation) worker {
			return func(i int) error {
				if _, ok := cache.GetIfPresent(keys[i]); !ok {
					return fmt.Errorf("session %d is not in the cache", i)
				}
				return nil
			}
		}, e.close), nil
	}}
}

// rawSigning is to verify and decode a signed session, and for WRITE to encode and sign it too.
func rawSigning() subject {
	return subject{"raw verify + decode, sign", floor, func(e *environment) (*instance, error) {
		signer, err := signing.NewTimestampSigner(signing.Config{SecretKey: secretKey, Salt: "bench", Compress: true})
		if err != nil {
			return nil, err
		}
		cookies := make([][]byte, baseRows)
		for i := range cookies {
			text, err := jsonOf(e.content.of(i))
			if err != nil {
				return nil, err
			}
			cookies[i] = signer.AppendDumps(nil, []byte(text), time.Now())
		}
		return workers(baseRows, func(op operation) worker {
			return func(i int) error {
				text, _, err := signer.AppendLoads(nil, cookies[i], time.Now(), 0)
				if err != nil {
					return err
				}
				var values map[string]any
				if err := json.Unmarshal(text, &values); err != nil || op == read {
					return err
				}
				text, err = json.Marshal(values)
				signer.AppendDumps(nil, text, time.Now())
				return err
			}
		}, e.close), nil
	}}
}

// rawFile is to open, read and decode a file, and for WRITE to write it anew beside it and
// rename, and with sync to have it on the disk.
func rawFile(sync bool) subject {
	name := "raw open + read + decode, rename"
	if sync {
		name += " + sync"
	}
	return subject{name, floor, func(e *environment) (*instance, error) {
		dir, err := e.folder()
		if err != nil {
			return nil, err
		}
		var texts, files []string
		for i := range baseRows {
			text, err := jsonOf(e.content.of(i))
			if err != nil {
				return nil, err
			}
			files = append(files, filepath.Join(dir, cookieKey(i)))
			texts = append(texts, text)
			if err := replaceFile(files[i], text, false); err != nil {
				return nil, err
			}
		}
		var count atomic.Int64
		return workers(baseRows, func(op operation) worker {
			return func(i int) error {
				text, err := os.ReadFile(files[i])
				if err != nil {
					return err
				}
				var values map[string]any
				if err := json.Unmarshal(text, &values); err != nil || op == read {
					return err
				}
				return replaceFile(files[i], changed(texts[i], count.Add(1)), sync)
			}
		}, e.close), nil
	}}
}

func replaceFile(name, text string, sync bool) error {
	folder := filepath.Dir(name)
	temporary, err := os.CreateTemp(folder, "new")
	if err != nil {
		return err
	}
	if _, err = temporary.WriteString(text); err == nil && sync {
		err = temporary.Sync()
	}
	if err = errors.Join(err, temporary.Close()); err != nil {
		return err
	}
	if err := os.Rename(temporary.Name(), name); err != nil || !sync {
		return err
	}
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
