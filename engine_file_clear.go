package ginsession

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
)

// ClearExpired walks over the folder without holding all its names in memory. It checks each file
// without a lock and, if the session has ended, again under the lock before it removes the file.
// It skips files that it cannot read and reports the last such error at the end.
func (s *fileStore) ClearExpired(ctx context.Context, now time.Time, o ClearOptions) (int64, error) {
	f, err := s.folder(ctx)
	if err != nil {
		return 0, err
	}
	listing, err := f.root.Open(".")
	if err != nil {
		return 0, fileError("listed", err)
	}
	defer listing.Close()
	w := fileWalk{folder: listing}
	var failed error
	removed, err := o.InBatches(ctx, func(limit int) (int64, error) {
		var removed int64
		for removed < int64(limit) && ctx.Err() == nil {
			name, err := w.next()
			if err == io.EOF {
				return removed, nil
			}
			if err != nil {
				return removed, fileError("listed", err)
			}
			gone, err := f.clear(ctx, name, now)
			if gone {
				removed++
			}
			if err != nil {
				failed = err
			}
		}
		return removed, ctx.Err()
	})
	if err == nil {
		err = failed
	}
	return removed, err
}

// clear removes a file that is no longer needed, and reports whether it was a session's.
func (f *fileFolder) clear(ctx context.Context, name string, now time.Time) (bool, error) {
	if f.store.isLeftBehind(name, now) {
		if info, err := f.root.Lstat(name); err != nil || !isMine(info) {
			return false, nil
		}
		_, err := f.remove(name)
		return false, err
	}
	key, ours := strings.CutPrefix(name, f.store.cfg.CookieName)
	if !ours || !isKey(key) {
		return false, nil
	}
	if ended, err := f.ended(name, now); err != nil || !ended {
		return false, err
	}
	gone := false
	err := f.locked(ctx, func() error {
		ended, err := f.ended(name, now)
		if err == nil && ended {
			gone, err = f.remove(name)
		}
		return err
	}, name)
	return gone, err
}

// ended reports whether the session in a file has ended. It is false for a file that has been
// removed, is not a regular file, or belongs to another user.
func (f *fileFolder) ended(name string, now time.Time) (bool, error) {
	data, modified, err := f.read(name)
	if errors.Is(err, ErrNotFound) || errors.Is(err, fs.ErrPermission) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return !f.store.expires(data, modified).After(now), nil
}

// isLeftBehind reports whether name is that of a temporary file which nobody will rename any more.
// The files of this store are all in use.
func (s *fileStore) isLeftBehind(name string, now time.Time) bool {
	rest, found := strings.CutPrefix(name, temporaryPrefix)
	if !found || !strings.HasSuffix(rest, temporarySuffix) {
		return false
	}
	begun, rest, _ := strings.Cut(rest, ".")
	seconds, err := strconv.ParseInt(begun, 10, 64)
	return err == nil && now.Sub(time.Unix(seconds, 0)) > temporaryAge && !strings.HasPrefix(rest, s.id)
}

// A fileWalk yields the names in a folder.
type fileWalk struct {
	folder *os.File
	names  []string
}

// next returns a name, or io.EOF after the last one.
func (w *fileWalk) next() (string, error) {
	if len(w.names) == 0 {
		var err error
		if w.names, err = w.folder.Readdirnames(256); err != nil {
			return "", err
		}
	}
	name := w.names[0]
	w.names = w.names[1:]
	return name, nil
}
