package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/ginsession/ginsession"
)

// A folder counts the sessions of the file engine, which the framework cannot do.
type folder struct {
	path       string
	cookieName string              // the names of the files begin with it
	manager    *ginsession.Manager // its clock stands before every expiry
}

// checkFolder returns an error if the folder is missing. The engine would create it, and a
// mistyped name would look like a site without sessions.
func checkFolder(path string) error {
	if path == "" {
		return misuse("Name the one that the site gives to ginsession.File.", "which folder? Use --dir")
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return trouble("Check --dir.", "there is no folder %s", path)
	case err != nil:
		return fmt.Errorf("cannot open the folder: %w", err)
	case !info.IsDir():
		return trouble("Name the folder that it is in.", "%s is not a folder", path)
	}
	return nil
}

// newFolder takes the site's Config, changed in two fields. HashKeys is Off, so that the keys are
// those in the names of the files. Clock returns the Unix epoch, before every expiry, so that
// expired sessions can be read too.
func newFolder(path string, config ginsession.Config) (folder, error) {
	config.HashKeys = ginsession.Off
	config.Clock = func() time.Time { return time.Unix(0, 0) }
	manager, err := ginsession.NewManager(config)
	return folder{path, config.CookieName, manager}, err
}

func (d folder) expired(ctx context.Context, now time.Time) (int64, error) {
	sum, err := d.totals(ctx, now)
	return sum.sessions - sum.live, err
}

func (d folder) totals(ctx context.Context, now time.Time) (totals, error) {
	var sum totals
	dir, err := os.Open(d.path)
	if err != nil {
		return sum, err
	}
	defer dir.Close()
	for {
		files, err := dir.ReadDir(256)
		if err == io.EOF {
			return sum, nil
		}
		if err != nil {
			return sum, err
		}
		for _, file := range files {
			if err := d.add(ctx, &sum, file, now); err != nil {
				return sum, err
			}
		}
	}
}

// add counts a file if it is a session and still exists.
func (d folder) add(ctx context.Context, sum *totals, file fs.DirEntry, now time.Time) error {
	key, ours := strings.CutPrefix(file.Name(), d.cookieName)
	if !ours {
		return nil
	}
	there, err := d.manager.Exists(ctx, key)
	if errors.Is(err, fs.ErrPermission) {
		return trouble("Run the command as the user that the site runs as.", "a session's file cannot be read")
	}
	if err != nil || !there {
		return err
	}
	info, err := file.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	session := d.manager.Open(ctx, key)
	if err := session.Load(); err != nil {
		return err
	}
	sum.bytes += info.Size()
	sum.largest = max(sum.largest, info.Size())
	sum.addEnd(session.StoredUntil(), now)
	return nil
}

// addEnd counts a session by its expiry. The zero time stands for a record that cannot be read.
func (sum *totals) addEnd(end, now time.Time) {
	if end.IsZero() {
		sum.unreadable++
		return
	}
	if sum.sessions == 0 || end.Before(sum.earliest) {
		sum.earliest = end
	}
	if end.After(sum.latest) {
		sum.latest = end
	}
	sum.sessions++
	if end.After(now) {
		sum.live++
	}
}
