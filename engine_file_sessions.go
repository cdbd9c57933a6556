package ginsession

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"
)

// This file finds and deletes the files of an owner's sessions. Only their records say whose they are.

// ownerLock names the lock under which an owner's sessions get new keys, and are looked for. No file has
// such a name.
func ownerLock(owner string) string { return "owner " + owner }

// locksOfMove names the locks that a record needs to be moved from one file to another.
func (f *fileFolder) locksOfMove(ctx context.Context, from, to string, prev Record, now time.Time) []string {
	names := []string{from, to}
	if prev.Data == nil {
		prev, _ = f.live(ctx, from, now)
		prev.Owner = f.store.ownerIn(prev, strings.TrimPrefix(from, f.store.cfg.CookieName))
	}
	if prev.Owner != "" {
		names = append(names, ownerLock(prev.Owner))
	}
	return names
}

func (s *fileStore) ownerIn(r Record, key string) string {
	doc, _, err := s.cfg.read(r.Data, key)
	if err != nil {
		return ""
	}
	return s.cfg.ownerOf(&doc)
}

// Owned reads every session's file, while no session of the owner can get a new key.
func (s *fileStore) Owned(ctx context.Context, owner string, now time.Time) (records []OwnedRecord, err error) {
	f, err := s.folder(ctx)
	if err != nil {
		return nil, err
	}
	err = f.locked(ctx, func() error {
		records, err = f.owned(ctx, owner, now)
		return err
	}, ownerLock(owner))
	return records, err
}

func (f *fileFolder) owned(ctx context.Context, owner string, now time.Time) ([]OwnedRecord, error) {
	listing, err := f.root.Open(".")
	if err != nil {
		return nil, fileError("listed", err)
	}
	defer listing.Close()
	w := fileWalk{folder: listing}
	var records []OwnedRecord
	for ctx.Err() == nil {
		name, err := w.next()
		if err == io.EOF {
			return records, nil
		}
		if err != nil {
			return nil, fileError("listed", err)
		}
		key, ours := strings.CutPrefix(name, f.store.cfg.CookieName)
		if !ours || !isKey(key) {
			continue
		}
		r, err := f.live(ctx, name, now)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		if err == nil && f.store.ownerIn(r, key) == owner {
			records = append(records, OwnedRecord{key, r})
		}
	}
	return nil, ctx.Err()
}

func (s *fileStore) DeleteAll(ctx context.Context, keys ...string) (deleted int64, err error) {
	for _, key := range keys {
		removed, err := s.remove(ctx, key)
		if err != nil {
			return deleted, err
		}
		if removed {
			deleted++
		}
	}
	return deleted, nil
}
