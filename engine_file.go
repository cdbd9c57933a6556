package ginsession

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ginsession/ginsession/internal/filelock"
)

// File keeps each session in a file of its own, <dir>/<cookie name><key>, readable by the
// program's user only. It is what Django calls the file backend, and shares a folder with it
// where both programs have one user and HashKeys is off. "" means os.TempDir().
//
// Where dir is missing and its parent is there, it is made for this user alone; a folder that
// was there is left as it is. One that cannot be made, read or written is an [ErrConfig]. Give
// sessions a folder of their own: who can list it sees the keys where HashKeys is off, and who
// can write to it can make sessions where SecretKey is not set. Two managers may share a folder
// if neither's cookie name is the beginning of the other's.
//
// A write that was acknowledged is on the disk, and one that fails leaves the old record whole.
// Several processes may use one folder at a time; where the system has no flock (Windows,
// Solaris) only one may. Run [Manager.ClearExpired] now and then: files do not vanish by
// themselves. Source: Django's SESSION_FILE_PATH.
func File(dir string) Engine { return fileEngine{dir} }

type fileEngine struct{ dir string }

// maxFileName is what file systems allow, in bytes.
const maxFileName = 255

func (e fileEngine) open(cfg *settings) (backend, error) {
	dir := cmp.Or(e.dir, os.TempDir())
	if len(cfg.CookieName)+maxKeyLength > maxFileName {
		return nil, configError("CookieName", "%d bytes: File needs one of at most %d, for it begins the files' names", len(cfg.CookieName), maxFileName-maxKeyLength)
	}
	s, err := openFolder(dir, cfg)
	if err != nil {
		return nil, configError("Engine", "File: %v: choose a folder that this program may read and write, and whose parent exists", err)
	}
	return onServer(cfg, s), nil
}

// openFolder opens the folder, made where only it is missing, and tries it out.
func openFolder(dir string, cfg *settings) (*fileStore, error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	s := &fileStore{cfg: cfg, root: root, locks: filelock.New(root, lockName), id: rand.Text()}
	if err = s.try(); err != nil {
		_ = root.Close()
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return s, nil
}

// try finds out at start-up whether files can be listed, locked, written and removed.
func (s *fileStore) try() (err error) {
	if s.folder, err = s.root.Open("."); err != nil {
		return err
	}
	return s.locked(context.Background(), func() error {
		trial := s.temporaryName(s.cfg.Clock())
		err := s.writeNew(trial, Record{})
		if removing := s.root.Remove(trial); err == nil {
			err = removing
		}
		return fileError("written", err)
	}, "")
}

// A fileStore is the [Store] of the File engine. A record is written to a temporary file, which
// is synced and renamed; then the folder is synced. Who reads needs no lock. Everything goes
// through an os.Root, so that no name leads out of the folder.
type fileStore struct {
	cfg    *settings
	root   *os.Root
	folder *os.File // the folder itself, to be synced
	locks  *filelock.Locks
	id     string // this store's, of all that use the folder
	serial atomic.Uint64
}

// locked calls f while it holds the locks of the named files. It returns ErrConflict if it does
// not get them before ctx ends.
func (s *fileStore) locked(ctx context.Context, f func() error, names ...string) error {
	err := s.locks.Run(ctx, f, names...)
	var failed *filelock.Error
	switch {
	case !errors.As(err, &failed):
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", ErrConflict, failed.Err)
	default:
		return fileError("locked", failed.Err)
	}
}

// lockName names a lock's file. Programs of other users have locks of their own: they cannot open
// the sessions either. No session's file has such a name: its key would have four characters.
func lockName(stripe int) string {
	return fmt.Sprintf(".ginsession.%d.%02d.lock", os.Geteuid(), stripe)
}

// Errors that stand for an absent record.
var (
	errNoKey     = fmt.Errorf("%w: a key is %d to %d characters of a-z and 0-9", ErrNotFound, minKeyLength, maxKeyLength)
	errIrregular = fmt.Errorf("%w: where its file should be is a link, a folder or a device", ErrNotFound)
)

// name returns the name of a key's file.
func (s *fileStore) name(key string) (string, error) {
	if !isKey(key) {
		return "", errNoKey
	}
	return s.cfg.CookieName + key, nil
}

func (s *fileStore) Load(ctx context.Context, key string, now time.Time) (Record, error) {
	if err := ctx.Err(); err != nil {
		return Record{}, err
	}
	name, err := s.name(key)
	if err != nil {
		return Record{}, err
	}
	return s.live(ctx, name, now)
}

// live returns the record of a file, or ErrNotFound where it is expired too.
func (s *fileStore) live(ctx context.Context, name string, now time.Time) (Record, error) {
	data, modified, err := s.read(name)
	if errors.Is(err, errIrregular) {
		s.cfg.Logger.WarnContext(ctx, "ginsession: a session's file is a link, a folder or a device and is treated as no session: find out who put it there")
	}
	if err != nil {
		return Record{}, err
	}
	expires := s.expires(data, modified)
	if !expires.After(now) {
		return Record{}, ErrNotFound
	}
	if len(data) == 0 {
		s.cfg.Logger.WarnContext(ctx, "ginsession: a session's file has no bytes and is taken for an empty session: Django was interrupted, or had no room, when it made it")
	}
	return Record{Data: s.unpack(strings.TrimPrefix(name, s.cfg.CookieName), data, modified), Expires: expires}, nil
}

func (s *fileStore) Create(ctx context.Context, key string, r Record, now time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	name, err := s.name(key)
	if err != nil {
		return err
	}
	err = s.locked(ctx, func() error {
		if err := s.absent(ctx, name, now); err != nil {
			return err
		}
		return s.write(name, r, now)
	}, name)
	if err != nil {
		return err
	}
	return s.sync()
}

// absent returns ErrExists where the file holds a live record.
func (s *fileStore) absent(ctx context.Context, name string, now time.Time) error {
	_, err := s.live(ctx, name, now)
	switch {
	case err == nil:
		return ErrExists
	case errors.Is(err, ErrNotFound):
		return nil
	default:
		return err
	}
}

func (s *fileStore) Update(ctx context.Context, key string, prev Record, now time.Time, f Mutate) (Record, error) {
	return s.change(ctx, key, key, prev, now, f)
}

func (s *fileStore) Replace(ctx context.Context, oldKey, newKey string, prev Record, now time.Time, f Mutate) (Record, error) {
	return s.change(ctx, oldKey, newKey, prev, now, f)
}

// change reads, compares and writes under the lock, so that once is always enough.
func (s *fileStore) change(ctx context.Context, oldKey, newKey string, prev Record, now time.Time, f Mutate) (Record, error) {
	if err := ctx.Err(); err != nil {
		return Record{}, err
	}
	from, err := s.name(oldKey)
	if err != nil {
		return Record{}, err
	}
	to, err := s.name(newKey)
	if err != nil {
		return Record{}, err
	}
	var next Record
	err = s.locked(ctx, func() error {
		current, err := s.live(ctx, from, now)
		if err != nil {
			return err
		}
		if prev.Data != nil && bytes.Equal(current.Data, prev.Data) {
			current = prev
		}
		if next, err = f(current); err != nil {
			return err
		}
		if from != to {
			return s.move(ctx, from, to, next, now)
		}
		return s.write(to, next, now)
	}, from, to)
	if err != nil {
		return Record{}, err
	}
	return next, s.sync()
}

// move writes a record to a new file and removes the old one once the new one is on the disk, so
// that a crash never loses both: it leaves the session as it was, and at most the new record too,
// under a key that nobody has been given.
func (s *fileStore) move(ctx context.Context, from, to string, r Record, now time.Time) error {
	if err := s.absent(ctx, to, now); err != nil {
		return err
	}
	if err := s.write(to, r, now); err != nil {
		return err
	}
	err := s.sync()
	if err == nil {
		_, err = s.remove(from)
	}
	if err != nil {
		_ = s.root.Remove(to)
	}
	return err
}

func (s *fileStore) Touch(ctx context.Context, key string, expires, now time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	name, err := s.name(key)
	if err != nil {
		return err
	}
	return s.locked(ctx, func() error {
		r, err := s.live(ctx, name, now)
		if err != nil {
			return err
		}
		r.Expires = expires // not synced: what a power cut takes back costs nobody data
		return fileError("extended", s.root.Chtimes(name, time.Time{}, s.modified(r)))
	}, name)
}

func (s *fileStore) Delete(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	name, err := s.name(key)
	if err != nil {
		return nil // nothing has such a key
	}
	removed := false
	err = s.locked(ctx, func() (err error) {
		removed, err = s.remove(name)
		return err
	}, name)
	if err != nil || !removed {
		return err
	}
	return s.sync()
}
