package ginsession

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/ginsession/ginsession/internal/filelock"
)

// A fileFolder is an open session folder. A record is written to a temporary file, which is
// synced and renamed; then the folder is synced. Readers need no lock. Everything goes through an
// os.Root, so that no name leads out of the folder. The garbage collector closes a folder that has
// been replaced, because earlier operations may still use it.
type fileFolder struct {
	store *fileStore
	root  *os.Root
	self  *os.File // the folder itself, to be synced
	info  fs.FileInfo
	locks *filelock.Locks

	shared bool // other users can add files to it
}

// folder returns the folder that has the store's name now. It is another one if the folder was
// removed and made again, or renamed and replaced, while the program runs.
func (s *fileStore) folder(ctx context.Context) (*fileFolder, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if f := s.current.Load(); f.isCurrent() {
		return f, nil
	}
	return s.reopen(ctx)
}

func (f *fileFolder) isCurrent() bool {
	info, err := os.Stat(f.store.dir)
	return err == nil && os.SameFile(f.info, info)
}

// reopen opens the folder that has replaced the current one, with the same checks as at start-up.
// It does not make a missing folder, because the operator may be about to move one there. It logs
// the first failure and the success.
func (s *fileStore) reopen(ctx context.Context) (*fileFolder, error) {
	s.reopening.Lock()
	defer s.reopening.Unlock()
	if f := s.current.Load(); f.isCurrent() { // another goroutine was quicker
		return f, nil
	}
	f, err := s.openFolder(ctx)
	if err != nil {
		if !s.lost {
			s.cfg.Logger.ErrorContext(ctx, "ginsession: the session folder was removed or replaced and cannot be used: make it again, for the program's user alone", "folder", s.dir, "error", err)
		}
		s.lost = true
		return nil, fmt.Errorf("ginsession: the session folder cannot be used: %w", err)
	}
	s.cfg.Logger.WarnContext(ctx, "ginsession: the session folder was replaced: the sessions of the old one are gone", "folder", s.dir)
	s.lost = false
	s.current.Store(f)
	return f, nil
}

// openFolder opens the folder and tries it out.
func (s *fileStore) openFolder(ctx context.Context) (_ *fileFolder, err error) {
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return nil, err
	}
	f := &fileFolder{store: s, root: root, locks: filelock.New(root, lockName)}
	if err := f.try(ctx); err != nil {
		_ = root.Close()
		return nil, fmt.Errorf("%s: %w", s.dir, err)
	}
	return f, nil
}

// try finds out whether files can be listed, locked, written and removed.
func (f *fileFolder) try(ctx context.Context) (err error) {
	if f.self, err = f.root.Open("."); err != nil {
		return err
	}
	if f.info, err = f.self.Stat(); err != nil {
		return err
	}
	if err := f.checkAccess(); err != nil {
		return err
	}
	return f.locked(ctx, func() error {
		trial := f.store.temporaryName(f.store.cfg.Clock())
		err := f.writeNew(trial, Record{}, true)
		if err == nil {
			_, _, err = f.read(trial)
		}
		if removing := f.root.Remove(trial); err == nil {
			err = removing
		}
		return fileError("written", err)
	}, "")
}

// locked calls do while it holds the locks of the named files. It returns ErrConflict if it does
// not get them before ctx ends.
func (f *fileFolder) locked(ctx context.Context, do func() error, names ...string) error {
	err := f.locks.Run(ctx, do, names...)
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

// lockName returns the name of a lock's file. Programs of other users have locks of their own,
// because they cannot open the sessions either. No session's file has such a name: its key would
// have four characters.
func lockName(stripe int) string {
	return fmt.Sprintf(".ginsession.%d.%02d.lock", os.Geteuid(), stripe)
}

// live returns the record of a file, or ErrNotFound if it is absent or expired.
func (f *fileFolder) live(ctx context.Context, name string, now time.Time) (Record, error) {
	data, modified, err := f.read(name)
	if errors.Is(err, errSuspect) {
		f.store.cfg.Logger.WarnContext(ctx, "ginsession: a session's file is treated as no session: find out who put it there", "reason", err)
	}
	if err != nil {
		return Record{}, err
	}
	expires := f.store.expires(data, modified)
	if !expires.After(now) {
		return Record{}, ErrNotFound
	}
	if len(data) == 0 {
		f.store.cfg.Logger.WarnContext(ctx, "ginsession: a session's file has no bytes and is taken for an empty session: Django was interrupted, or had no room, when it made it")
	}
	return Record{Data: f.store.unpack(strings.TrimPrefix(name, f.store.cfg.CookieName), data, modified), Expires: expires}, nil
}

// absent returns ErrExists if the file holds a live record.
func (f *fileFolder) absent(ctx context.Context, name string, now time.Time) error {
	_, err := f.live(ctx, name, now)
	switch {
	case err == nil:
		return ErrExists
	case errors.Is(err, ErrNotFound):
		return nil
	default:
		return err
	}
}

// move writes a record to a new file and removes the old one once the new one is on the disk. A
// crash in between leaves both: the old session as it was, and the new record under a key that
// nobody knows.
func (f *fileFolder) move(ctx context.Context, from, to string, r Record, now time.Time) error {
	if err := f.absent(ctx, to, now); err != nil {
		return err
	}
	if err := f.write(to, r, now, true); err != nil {
		return err
	}
	err := f.sync()
	if err == nil {
		_, err = f.remove(from)
	}
	if err != nil {
		_ = f.root.Remove(to)
	}
	return err
}
