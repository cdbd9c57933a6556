package ginsession_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Every order of the steps of two requests, and each order with one fault at each step. A step is
// one operation of a store: a command of a cache, a statement of a database. The requests are real
// ones, served by the real middleware; only the order in which their steps go on is ours.

// A fault is what happens to one step.
type fault string

const (
	noFault     fault = ""
	requestLost fault = "the request is lost" // not carried out, an error
	answerLost  fault = "the answer is lost"  // carried out, an error
	deadFromNow fault = "the server is dead"  // this and every later step of the same server
)

var everyFault = []fault{requestLost, answerLost, deadFromNow}

var errLost = errors.New("connection lost")

// A schedule is the choice made at each step: which request goes on, and what goes wrong, if nothing
// has yet. It runs again by its numbers; past its end, the first request that waits goes on.
type schedule []int

// A stepper makes the steps of a run wait for their turn.
type stepper struct {
	faults   []fault // of which one may happen
	schedule schedule
	random   *rand.Rand // chooses past the schedule's end, if not nil

	mu      sync.Mutex
	waiting map[string]*step // by request
	taken   []string         // the steps so far, for the report
	choices schedule         // made so far
	widths  []int            // among how many each choice was
	faulted bool
	dead    map[string]bool // servers
	off     bool            // before and after the run
}

type step struct {
	server, what string
	verdict      chan fault
}

func newStepper(faults []fault, s schedule) *stepper {
	return &stepper{faults: faults, schedule: s, waiting: map[string]*step{}, dead: map[string]bool{}, off: true}
}

// do runs an operation of a server when it is the request's turn.
func (g *stepper) do(request, server, what string, operation func() error) error {
	g.mu.Lock()
	if g.off || request == "" {
		g.mu.Unlock()
		return operation()
	}
	s := &step{server, what, make(chan fault, 1)}
	g.waiting[request] = s
	g.mu.Unlock()
	switch <-s.verdict {
	case requestLost:
		return errLost
	case answerLost:
		_ = operation()
		return errLost
	}
	return operation()
}

// run lets the requests take their steps until all are done.
func (g *stepper) run(requests map[string]func()) {
	g.off = false
	var group sync.WaitGroup
	for _, serve := range requests {
		group.Go(serve)
	}
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	for {
		synctest.Wait() // until every request waits for its turn, for a lock or for the time
		select {
		case <-done:
			g.off = true
			return
		default:
		}
		if !g.release() {
			time.Sleep(time.Second) // of the bubble's time: somebody waits before a retry
		}
	}
}

// release lets one request go on.
func (g *stepper) release() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	var names []string
	for _, name := range []string{"A", "B", "C"} {
		if g.waiting[name] != nil {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return false
	}
	choice := g.choose(len(names))
	name := names[choice%len(names)]
	s := g.waiting[name]
	delete(g.waiting, name)
	verdict := noFault
	if f := choice / len(names); f > 0 {
		verdict, g.faulted = g.faults[f-1], true
	}
	if verdict == deadFromNow {
		g.dead[s.server] = true
	}
	if g.dead[s.server] {
		verdict = requestLost
	}
	g.taken = append(g.taken, strings.TrimSpace(fmt.Sprintf("%s: %s %s %s", name, s.server, s.what, verdict)))
	s.verdict <- verdict
	return true
}

// choose decides which of the waiting requests goes on, and with which fault.
func (g *stepper) choose(waiting int) (choice int) {
	width := waiting
	if !g.faulted {
		width *= 1 + len(g.faults)
	}
	switch n := len(g.choices); {
	case n < len(g.schedule):
		choice = g.schedule[n]
	case g.random != nil && width > waiting && g.random.IntN(oneFaultIn) == 0:
		choice = waiting + g.random.IntN(width-waiting)
	case g.random != nil:
		choice = g.random.IntN(waiting)
	}
	g.choices = append(g.choices, choice)
	g.widths = append(g.widths, width)
	return choice
}

// oneFaultIn is the number of steps in which chance lets something go wrong once: about as many as a run has.
const oneFaultIn = 20

// next returns the schedule that comes after this run's, or nil after the last.
func (g *stepper) next() schedule {
	next := append(schedule{}, g.schedule...)
	for len(next) < len(g.widths) {
		next = append(next, 0)
	}
	for i := len(g.widths) - 1; i >= 0; i-- {
		if next[i]+1 < g.widths[i] {
			return append(next[:i:i], next[i]+1)
		}
	}
	return nil
}

// A trial runs one schedule of its requests and returns what is wrong with the outcome.
type trial func(t *testing.T, g *stepper) (wrong string)

// exhaust tries the schedules one after the other, until one has a wrong outcome. If there are more than
// limit, it tries as many more at random.
func exhaust(t *testing.T, faults []fault, limit int, try trial) (runs int) {
	t.Helper()
	for s := (schedule{}); s != nil; runs++ {
		if runs == limit {
			sample(t, faults, limit, try)
			return 2 * limit
		}
		g := newStepper(faults, s)
		if !g.passes(t, try) {
			return runs
		}
		s = g.next()
	}
	return runs
}

// sample tries schedules that chance draws, the same ones each time.
func sample(t *testing.T, faults []fault, runs int, try trial) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	for range runs {
		g := newStepper(faults, nil)
		g.random = random
		if !g.passes(t, try) {
			return
		}
	}
}

func (g *stepper) passes(t *testing.T, try trial) bool {
	t.Helper()
	var wrong string
	synctest.Test(t, func(t *testing.T) { wrong = try(t, g) })
	if wrong != "" {
		t.Errorf("schedule %v: %s\n%s", []int(g.choices), wrong, numbered(g.taken))
	}
	return wrong == ""
}

func numbered(steps []string) string {
	var b strings.Builder
	for i, s := range steps {
		fmt.Fprintf(&b, "%3d. %s\n", i, s)
	}
	return b.String()
}
