// Package filelock locks names within a folder, among goroutines and among processes.
package filelock

import (
	"context"
	"hash/fnv"
	"os"
)

// Stripes is how many locks there are. All programs that share a folder must agree on it.
const Stripes = 64

// An Error says why Run could not lock: the end of the context, or the file system's error. Its
// text may hold the name of a lock's file and never the name that was to be locked.
type Error struct{ Err error }

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// Locks admits one holder of a name at a time, among all goroutines of this process and, on
// systems with flock, among all processes that use the folder. The locks are striped: a name
// chooses one of a fixed number of them, so no file per name is left behind.
type Locks struct {
	root    *os.Root
	stripes [Stripes]chan struct{} // each holds one element while it is locked in this process
	names   [Stripes]string        // of the files that are locked among processes
}

// New returns the locks of a folder. fileName gives the name of each lock's file.
func New(root *os.Root, fileName func(stripe int) string) *Locks {
	l := &Locks{root: root}
	for i := range l.stripes {
		l.stripes[i] = make(chan struct{}, 1)
		l.names[i] = fileName(i)
	}
	return l
}

// MakeFiles makes the files of all locks, so that other users of the folder cannot make them
// first, and returns the error of the first one that cannot be used. It waits for nobody.
func (l *Locks) MakeFiles() error {
	for _, name := range l.names {
		if err := l.makeFile(name); err != nil {
			return err
		}
	}
	return nil
}

// Run calls f while it holds the locks of names and returns what f returns, or an [*Error] if it
// cannot lock them before ctx ends.
func (l *Locks) Run(ctx context.Context, f func() error, names ...string) error {
	var wanted [Stripes]bool
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
	return h.Sum32() % Stripes
}

func (l *Locks) lock(ctx context.Context, stripe int) (unlock func(), err error) {
	select {
	case l.stripes[stripe] <- struct{}{}:
	default: // only a goroutine that must wait pays for the context's timer
		select {
		case l.stripes[stripe] <- struct{}{}:
		case <-ctx.Done():
			return nil, &Error{ctx.Err()}
		}
	}
	release, err := l.lockProcesses(ctx, l.names[stripe])
	if err != nil {
		<-l.stripes[stripe]
		return nil, &Error{err}
	}
	return func() {
		release()
		<-l.stripes[stripe]
	}, nil
}
