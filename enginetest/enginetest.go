// Package enginetest is the conformance suite for whatever keeps sessions: it proves that a
// [ginsession.Store], a [ginsession.Cache] or a whole [ginsession.Engine], one of this module's
// or your own, keeps the rules that its methods document. Its functions are called from a test
// and run a subtest for each rule:
//
//	func TestMyStore(t *testing.T) {
//		enginetest.Store(t, func(t *testing.T) ginsession.Store {
//			return mystore.New(t.TempDir())
//		})
//	}
//
// A store of your own needs [Store]; [Engine] then runs whole requests over it, as
// ginsession.Custom(store). Each suite takes a few seconds; [Store] and [Engine] move a clock of
// their own instead of waiting. They are meant to run with the race detector.
package enginetest

import (
	"crypto/rand"
	"strings"
	"sync"
	"time"
)

// at returns a moment so many hours after the suites' beginning, in 2033: what looks at a clock
// of its own instead of the time that it is given gets it wrong.
func at(hours float64) time.Time {
	return time.Unix(2_000_000_000, 0).UTC().Add(time.Duration(hours * float64(time.Hour)))
}

// newKey returns a random key of the length that a store mostly sees.
func newKey() string {
	return strings.ToLower(rand.Text() + rand.Text())[:40]
}

// together calls f(0) to f(n-1) at the same time and waits for all of them.
func together(n int, f func(i int)) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	all.Wait()
}
