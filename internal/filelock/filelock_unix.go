//go:build unix && !aix && !solaris

package filelock

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/ginsession/ginsession/internal/deadline"
)

// lockPoll is how often a lock that another process holds is tried again. It is held for a
// write, a few milliseconds on a slow disk. A blocking flock could not be cancelled.
const lockPoll = 300 * time.Microsecond

// lockProcesses locks a file among processes. The system unlocks it when a process dies.
func (l *Locks) lockProcesses(ctx context.Context, name string) (release func(), err error) {
	f, err := l.flock(ctx, name)
	if err != nil {
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}

// makeFile makes a lock's file and closes it.
func (l *Locks) makeFile(name string) error {
	f, err := l.open(name)
	if err != nil {
		return err
	}
	return f.Close()
}

// errForeign is the error of a lock's file that another user has made, who could lock it for ever.
var errForeign = errors.New("a lock's file belongs to another user")

// open opens a lock's file and makes it if it is missing.
func (l *Locks) open(name string) (*os.File, error) {
	f, err := l.root.OpenFile(name, os.O_RDWR|os.O_CREATE|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		if stat, ok := info.Sys().(*syscall.Stat_t); !ok || int(stat.Uid) != os.Geteuid() {
			err = errForeign
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// flock opens and locks a file. Closing it unlocks it.
func (l *Locks) flock(ctx context.Context, name string) (*os.File, error) {
	for {
		f, err := l.open(name)
		if err != nil {
			return nil, err
		}
		if err = flock(ctx, f); err == nil && l.isCurrent(f, name) {
			return f, nil
		}
		_ = f.Close()
		if err == nil && ctx.Err() != nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
	}
}

func flock(ctx context.Context, f *os.File) error {
	for {
		switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err {
		case nil:
			return nil
		case syscall.EINTR:
		case syscall.EWOULDBLOCK:
			if err := deadline.Sleep(ctx, lockPoll); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

// isCurrent reports whether a lock's file still has its name. A program that cleans folders for
// temporary files may have removed it before it was locked, and another process made a new one.
func (l *Locks) isCurrent(f *os.File, name string) bool {
	locked, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := l.root.Lstat(name)
	return err == nil && os.SameFile(locked, named)
}
