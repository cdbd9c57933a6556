package ginsession

import (
	"context"
	"fmt"
	"hash/fnv"
	"os"
)

// fileLocks let one writer at a time at a session's file, of all goroutines of this process and
// of all processes on the folder. They are striped: a file's name chooses one of a fixed number
// of locks, and no file per session is left behind.
type fileLocks struct {
	root    *os.Root
	stripes [lockStripes]chan struct{} // each holds one element while it is locked in this process
	names   [lockStripes]string        // of the files that are locked among processes
}

// lockStripes is how many locks there are. All programs on one folder must agree on it.
const lockStripes = 64

func newFileLocks(root *os.Root) *fileLocks {
	l := &fileLocks{root: root}
	for i := range l.stripes {
		l.stripes[i] = make(chan struct{}, 1)
		l.names[i] = lockName(i)
	}
	return l
}

// run calls f while it holds the locks of the named files. Where it does not get them before ctx
// ends, it returns ErrConflict and the context's error.
func (l *fileLocks) run(ctx context.Context, f func() error, names ...string) error {
	var wanted [lockStripes]bool
	for _, name := range names {
		wanted[stripeOf(name)] = true
	}
	for i, want := range wanted { // always in one order, so that no two wait for each other
		if !want {
			continue
		}
		unlock, err := l.lock(ctx, i)
		if err != nil {
			return err
		}
		defer unlock()
	}
	return f()
}

func stripeOf(name string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	return h.Sum32() % lockStripes
}

func (l *fileLocks) lock(ctx context.Context, stripe int) (unlock func(), err error) {
	select {
	case l.stripes[stripe] <- struct{}{}:
	default: // who need not wait does not pay for the context's timer
		select {
		case l.stripes[stripe] <- struct{}{}:
		case <-ctx.Done():
			return nil, lockError(ctx.Err())
		}
	}
	release, err := l.lockProcesses(ctx, l.names[stripe])
	if err != nil {
		<-l.stripes[stripe]
		return nil, err
	}
	return func() {
		release()
		<-l.stripes[stripe]
	}, nil
}

func lockError(err error) error { return fmt.Errorf("%w: %w", ErrConflict, err) }

// lockName names a lock's file. Other users' programs have locks of their own: they cannot open
// the sessions either. No session's file has such a name: its key would have four characters.
func lockName(stripe int) string {
	return fmt.Sprintf(".ginsession.%d.%02d.lock", os.Geteuid(), stripe)
}
