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
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// File keeps each session in a file of its own, <dir>/<cookie name><key>, readable by the
// program's user only. It is Django's file backend, and shares a folder with it if both programs
// run as the same user and HashKeys is off. "" means os.TempDir().
//
// If only dir itself is missing, it is created, accessible to this user alone; an existing folder is left as it is. A
// folder that cannot be made, read or written is an [ErrConfig]. Give sessions a folder of their
// own: whoever can list it sees the keys if HashKeys is off. Two managers may share a folder if
// neither's cookie name is a prefix of the other's.
//
// On Unix the folder must belong to the program's user or to root, and nobody else may write to
// it; otherwise NewManager returns an ErrConfig, because whoever can add a file can make a session.
// If Config.SecretKey is set, a folder with the sticky bit is accepted too, such as /tmp, which is
// what "" means on Linux. A file that belongs to another user, or is larger than 16 MiB, is never
// taken for a session. On other systems none of this is checked: set the permissions yourself.
//
// If the folder is replaced while the program runs, the new one is used once it has passed the
// checks of [NewManager]; until there is one, sessions are [ErrUnavailable].
//
// A successful write is on the disk (see [Unsynced]), and a failed one leaves the old record whole. Several
// processes may use one folder at the same time, except on systems without flock (Windows,
// Solaris). Run [Manager.ClearExpired] regularly: nothing else removes the files. Source: Django's
// SESSION_FILE_PATH.
func File(dir string, options ...FileOption) Engine {
	e := fileEngine{dir: dir}
	for _, option := range options {
		option(&e)
	}
	return e
}

// A FileOption is an option of [File].
type FileOption func(*fileEngine)

// Unsynced saves sessions without waiting for the disk, as SQLite does with synchronous=NORMAL. If the
// machine crashes, sessions that were created or changed in the seconds before may be as they were then,
// or gone, but never half of each. A crash of the program loses nothing. A sign-in, which gives a session
// a new key, and a sign-out are on the disk when they are answered.
func Unsynced() FileOption { return func(e *fileEngine) { e.unsynced = true } }

type fileEngine struct {
	dir      string
	unsynced bool
}

// maxFileName is the longest file name that file systems allow, in bytes.
const maxFileName = 255

func (e fileEngine) open(cfg *settings) (backend, error) {
	dir := cmp.Or(e.dir, os.TempDir())
	if len(cfg.CookieName)+maxKeyLength > maxFileName {
		return nil, configError("CookieName", "%d bytes: File needs one of at most %d, because file names begin with it", len(cfg.CookieName), maxFileName-maxKeyLength)
	}
	s, err := openFileStore(dir, cfg, e.unsynced)
	if err != nil {
		return nil, configError("Engine", "File: %v", adviseOnFolder(err))
	}
	return onServer(cfg, s), nil
}

// openFileStore opens a folder, and makes it if only it is missing.
func openFileStore(dir string, cfg *settings, unsynced bool) (*fileStore, error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	absolute, err := filepath.Abs(dir) // the program may change its working directory
	if err != nil {
		return nil, err
	}
	s := &fileStore{cfg: cfg, dir: absolute, unsynced: unsynced, id: rand.Text()}
	f, err := s.openFolder(context.Background())
	if err != nil {
		return nil, err
	}
	s.current.Store(f)
	return s, nil
}

// A fileStore is the [Store] of the File engine. Every operation works in the folder that has the
// name dir when it starts.
type fileStore struct {
	cfg      *settings
	dir      string // absolute
	unsynced bool
	id       string // this store's, of all that use the folder
	serial   atomic.Uint64
	current  atomic.Pointer[fileFolder]

	reopening sync.Mutex
	lost      bool // guarded by reopening: the folder cannot be used, which has been logged
}

// errNoKey stands for an absent record.
var errNoKey = fmt.Errorf("%w: a key is %d to %d characters of a-z and 0-9", ErrNotFound, minKeyLength, maxKeyLength)

// name returns the name of a key's file.
func (s *fileStore) name(key string) (string, error) {
	if !isKey(key) {
		return "", errNoKey
	}
	return s.cfg.CookieName + key, nil
}

func (s *fileStore) Load(ctx context.Context, key string, now time.Time) (Record, error) {
	name, err := s.name(key)
	if err != nil {
		return Record{}, err
	}
	f, err := s.folder(ctx)
	if err != nil {
		return Record{}, err
	}
	return f.live(ctx, name, now)
}

func (s *fileStore) Create(ctx context.Context, key string, r Record, now time.Time) error {
	name, err := s.name(key)
	if err != nil {
		return err
	}
	folder, err := s.folder(ctx)
	if err != nil {
		return err
	}
	err = folder.locked(ctx, func() error {
		if err := folder.absent(ctx, name, now); err != nil {
			return err
		}
		return folder.write(name, r, now, !s.unsynced)
	}, name)
	if err != nil || s.unsynced {
		return err
	}
	return folder.sync()
}

func (s *fileStore) Update(ctx context.Context, key string, prev Record, now time.Time, f Mutate) (Record, error) {
	return s.change(ctx, key, key, prev, now, f)
}

func (s *fileStore) Replace(ctx context.Context, oldKey, newKey string, prev Record, now time.Time, f Mutate) (Record, error) {
	return s.change(ctx, oldKey, newKey, prev, now, f)
}

// change reads, compares and writes under the lock, so it never has to retry.
func (s *fileStore) change(ctx context.Context, oldKey, newKey string, prev Record, now time.Time, f Mutate) (Record, error) {
	from, err := s.name(oldKey)
	if err != nil {
		return Record{}, err
	}
	to, err := s.name(newKey)
	if err != nil {
		return Record{}, err
	}
	folder, err := s.folder(ctx)
	if err != nil {
		return Record{}, err
	}
	locks := []string{from}
	if from != to {
		locks = folder.locksOfMove(ctx, from, to, prev, now)
	}
	var next Record
	err = folder.locked(ctx, func() error {
		current, err := folder.live(ctx, from, now)
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
			return folder.move(ctx, from, to, next, now)
		}
		return folder.write(to, next, now, !s.unsynced)
	}, locks...)
	if err != nil {
		return Record{}, err
	}
	if s.unsynced && from == to {
		return next, nil
	}
	return next, folder.sync()
}

func (s *fileStore) Touch(ctx context.Context, key string, expires, now time.Time) error {
	name, err := s.name(key)
	if err != nil {
		return err
	}
	folder, err := s.folder(ctx)
	if err != nil {
		return err
	}
	return folder.locked(ctx, func() error {
		r, err := folder.live(ctx, name, now)
		if err != nil {
			return err
		}
		r.Expires = expires // not synced: a power cut may undo it, but loses no data
		return fileError("extended", folder.root.Chtimes(name, time.Time{}, s.modified(r)))
	}, name)
}

func (s *fileStore) Delete(ctx context.Context, key string) error {
	_, err := s.remove(ctx, key)
	return err
}

// remove is Delete, and reports whether there was a file.
func (s *fileStore) remove(ctx context.Context, key string) (removed bool, err error) {
	name, err := s.name(key)
	if err != nil {
		return false, nil // nothing has such a key
	}
	folder, err := s.folder(ctx)
	if err != nil {
		return false, err
	}
	err = folder.locked(ctx, func() (err error) {
		removed, err = folder.remove(name)
		return err
	}, name)
	if err != nil || !removed {
		return false, err
	}
	return true, folder.sync()
}
