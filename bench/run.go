package main

import (
	"errors"
	"fmt"
	"log"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// A plan says how long to measure.
type plan struct {
	rounds     int
	slice      time.Duration // one subject's turn at one task in one round
	iterations int           // if it is not 0, a turn has so many operations instead
}

// A cell is what was measured of one subject at one task.
type cell struct {
	Subject    string
	Task       string
	Ours       bool
	Nanos      []float64 // of an operation, by round
	Allocs     float64   // of an operation
	Statements *float64  // of an operation
}

// A result is a section with its measurements.
type result struct {
	ID, Title, Note string
	Cells           []cell
}

// A turn is a cell that is being measured.
type turn struct {
	instance *instance
	task     task
	n        int
	cell     cell
}

// run measures a section. In each round every subject has its turn at every task, and those
// at the same task follow each other: what is compared was measured within seconds.
func (s section) run(p plan) (result, error) {
	turns, closeAll, err := s.open()
	defer closeAll()
	if err != nil {
		return result{}, err
	}
	for _, t := range turns {
		if err := t.calibrate(p); err != nil {
			return result{}, fmt.Errorf("%s: %w", t.cell.Subject, err)
		}
	}
	slices.SortStableFunc(turns, func(a, b *turn) int {
		if a.task.op != b.task.op {
			return int(a.task.op) - int(b.task.op)
		}
		return a.task.goroutines - b.task.goroutines
	})
	for round := range p.rounds {
		for i := range turns {
			t := turns[i]
			if round%2 == 1 {
				t = turns[len(turns)-1-i] // what comes first has no advantage in the end
			}
			if err := t.take(); err != nil {
				return result{}, fmt.Errorf("%s: %w", t.cell.Subject, err)
			}
		}
	}
	r := result{ID: s.id, Title: s.title, Note: s.note}
	for _, t := range turns {
		r.Cells = append(r.Cells, t.cell)
	}
	return r, s.countStatements(&r)
}

// open opens the instances. NEW gets one of its own, so that the others' tables do not grow.
func (s section) open() (turns []*turn, closeAll func(), err error) {
	var opened []*environment
	closeAll = func() {
		for _, e := range opened {
			e.close()
		}
	}
	for _, entry := range s.entries {
		instances := map[bool]*instance{}
		for _, task := range entry.tasks {
			apart := task.op == create
			if instances[apart] == nil {
				e := &environment{content: s.content, rows: s.rows, few: apart}
				opened = append(opened, e)
				instances[apart], err = entry.subject.open(e)
				if errors.Is(err, errNoServer) {
					log.Printf("%s: left out: %v", entry.subject.name, err)
					break
				}
				if err != nil {
					return nil, closeAll, fmt.Errorf("opening %s: %w", entry.subject.name, err)
				}
			}
			turns = append(turns, &turn{
				instance: instances[apart], task: task,
				cell: cell{Subject: entry.subject.name, Task: task.String(), Ours: entry.subject.source == ours},
			})
		}
	}
	return turns, closeAll, nil
}

// maxNew bounds how many sessions a turn at NEW makes.
const maxNew = 5000

// calibrate finds how many operations fill the slice, and warms up on the way.
func (t *turn) calibrate(p plan) error {
	if t.n = p.iterations; t.n > 0 {
		return nil
	}
	for n := 8 * t.task.goroutines; ; n *= 4 {
		s, err := t.instance.run(t.task, n)
		if err != nil {
			return err
		}
		if s.elapsed < p.slice/8 && n < 1<<24 {
			continue
		}
		t.n = max(8*t.task.goroutines, int(float64(n)*float64(p.slice)/float64(s.elapsed)))
		if t.task.op == create {
			t.n = min(t.n, maxNew)
		}
		return nil
	}
}

func (t *turn) take() error {
	if t.task.op == read { // fill the caches again that a WRITE has emptied
		if _, err := t.instance.run(t.task, min(t.n, baseRows)); err != nil {
			return err
		}
	}
	s, err := t.instance.run(t.task, t.n)
	if err != nil {
		return err
	}
	t.cell.Nanos = append(t.cell.Nanos, float64(s.elapsed.Nanoseconds())/float64(t.n))
	t.cell.Allocs = float64(s.mallocs) / float64(t.n)
	return nil
}

// countStatements counts, on instances of its own, what a request sends to the stores.
func (s section) countStatements(r *result) error {
	if s.rows > baseRows {
		return nil
	}
	for _, entry := range s.entries {
		if entry.subject.source == floor || strings.HasPrefix(entry.subject.name, "Django") {
			continue
		}
		err := s.countEntry(entry, r)
		if err != nil && !errors.Is(err, errNoServer) {
			return fmt.Errorf("counting the statements of %s: %w", entry.subject.name, err)
		}
	}
	return nil
}

func (s section) countEntry(entry entry, r *result) error {
	e := &environment{content: s.content, counter: new(atomic.Int64), few: true}
	defer e.close()
	instance, err := entry.subject.open(e)
	if err != nil || !e.redis && !e.sql {
		return err
	}
	for _, task := range entry.tasks {
		if task.goroutines > 1 {
			continue
		}
		n, err := e.statements(instance, task)
		if err != nil {
			return err
		}
		r.find(entry.subject.name, task.String()).Statements = &n
	}
	return nil
}

// statements returns how many SQL statements and Redis commands an operation is.
func (e *environment) statements(instance *instance, task task) (float64, error) {
	const n = baseRows / 10
	if _, err := instance.run(task, n); err != nil { // every session once, for the caches
		return 0, err
	}
	commands, err := watchRedis(e)
	if err != nil {
		return 0, err
	}
	before := e.counter.Load()
	if _, err := instance.run(task, n); err != nil {
		return 0, err
	}
	sent, err := commands()
	return float64(e.counter.Load()-before+sent) / n, err
}
