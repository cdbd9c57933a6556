package main

import (
	"io"
	"os"
	"testing"
	"time"

	"github.com/ginsession/ginsession/internal/testserver"
)

func TestMain(m *testing.M) {
	if text := os.Getenv(workerEnv); text != "" { // this process is a worker of a test
		exit(work(text))
	}
	os.Exit(m.Run())
}

func newCampaign() *campaign {
	return &campaign{duration: 2 * time.Second, seed: 1, processes: 2, clients: 6, out: io.Discard}
}

// ginsession keeps its promises on every engine.
func TestEngines(t *testing.T) {
	for _, s := range subjects() {
		if s.peer {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			for _, name := range s.needs {
				testserver.Env(t, name)
			}
			r, err := newCampaign().torture(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			if r.broken() > 0 {
				t.Errorf("lost %d, doubled %d, torn %d, revived %d", r.lost, r.doubled, r.torn, r.revived)
			}
			if r.acknowledged < 100 {
				t.Errorf("%d of %d operations were acknowledged: this proves nothing", r.acknowledged, r.operations)
			}
		})
	}
}

// The torture finds stores that are broken on purpose.
func TestSelfCheck(t *testing.T) {
	if err := newCampaign().selfCheck(t.Context()); err != nil {
		t.Error(err)
	}
}
