package ginsession_test

import (
	"strings"
	"testing"

	"github.com/ginsession/ginsession"
)

// opener opens an engine whose store's operations are the stepper's steps.
type opener func(t *testing.T, g *stepper) ginsession.Engine

// steppedEngines returns an opener for each engine that other requests can reach.
func steppedEngines(t *testing.T) map[string]opener {
	file := steppedFile(t)
	newCache := func(g *stepper) ginsession.Cache { return &steppedCache{stepper: g, entries: map[string][]byte{}} }
	return map[string]opener{
		"cached": func(_ *testing.T, g *stepper) ginsession.Engine { return ginsession.Cached(newCache(g)) },
		"db":     func(t *testing.T, g *stepper) ginsession.Engine { return ginsession.DB(openSteppedDB(t, g, file)) },
		"cached_db": func(t *testing.T, g *stepper) ginsession.Engine {
			return ginsession.CachedDB(openSteppedDB(t, g, file), newCache(g))
		},
	}
}

// Every two requests, every order of their steps, every fault at every step. Of a pair with more
// schedules than TEST_SCHEDULES, 150 if that is not set, chance draws some.
func TestInterleavings(t *testing.T) {
	limit := numberFromEnv(t, "TEST_SCHEDULES", 150)
	operations := []string{"read", "save", "modify", "claim", "sign-in", "sign-out"}
	for engine, open := range steppedEngines(t) {
		t.Run(engine, func(t *testing.T) {
			for i, a := range operations {
				for _, b := range operations[i:] {
					t.Run(a+" and "+b, func(t *testing.T) {
						runs := exhaust(t, everyFault, limit, requests{a, b}.trial(open))
						t.Logf("%d schedules", runs)
					})
				}
			}
		})
	}
}

// Three requests, as chance orders their steps and chooses their fault.
func TestInterleavingsOfThree(t *testing.T) {
	runs := numberFromEnv(t, "TEST_SCHEDULES", 150)
	for engine, open := range steppedEngines(t) {
		t.Run(engine, func(t *testing.T) {
			for _, r := range []requests{
				{"modify", "modify", "modify"}, {"claim", "claim", "sign-in"}, {"save", "sign-in", "sign-out"},
				{"sign-in", "sign-in", "modify"}, {"read", "save", "sign-out"}, {"modify", "claim", "sign-out"},
			} {
				t.Run(strings.Join(r, ", "), func(t *testing.T) { sample(t, everyFault, runs, r.trial(open)) })
			}
		})
	}
}

func (r requests) trial(open opener) trial {
	return func(t *testing.T, g *stepper) string { return r.try(t, g, open(t, g)) }
}
