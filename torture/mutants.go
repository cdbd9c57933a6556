package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testsite"
)

// A mutant is a store that breaks a rule on purpose. The torture must find it.
type mutant struct {
	subject
	finds func(f findings) int
}

func mutants() []mutant {
	lost := func(f findings) int { return f.lost }
	doubled := func(f findings) int { return f.doubled }
	revived := func(f findings) int { return f.revived }
	return []mutant{
		{broken("stores what it is given, whoever has written meanwhile", func(s ginsession.Store) ginsession.Store { return overwriting{s} }), lost},
		{broken("lets two claim one token", func(s ginsession.Store) ginsession.Store { return overwriting{s} }), doubled},
		{broken("brings back what was deleted", func(s ginsession.Store) ginsession.Store { return reviving{s} }), revived},
		{broken("leaves a session at its old key", func(s ginsession.Store) ginsession.Store { return copying{s} }), revived},
	}
}

func broken(name string, wrap func(ginsession.Store) ginsession.Store) subject {
	return engine("broken: "+name, false, nil, func(stores) (ginsession.Engine, error) {
		return ginsession.Custom(wrap(testsite.NewStore())), nil
	})
}

type overwriting struct{ ginsession.Store }

func (s overwriting) Update(ctx context.Context, key string, prev ginsession.Record, now time.Time, f ginsession.Mutate) (ginsession.Record, error) {
	return s.Store.Update(ctx, key, ginsession.Record{}, now, func(current ginsession.Record) (ginsession.Record, error) {
		if prev.Data == nil {
			prev = current
		}
		return f(prev)
	})
}

type reviving struct{ ginsession.Store }

func (s reviving) Update(ctx context.Context, key string, prev ginsession.Record, now time.Time, f ginsession.Mutate) (ginsession.Record, error) {
	record, err := s.Store.Update(ctx, key, prev, now, f)
	if !errors.Is(err, ginsession.ErrNotFound) || prev.Data == nil {
		return record, err
	}
	if record, err = f(prev); err != nil {
		return record, err
	}
	return record, s.Create(ctx, key, record, now)
}

type copying struct{ ginsession.Store }

func (s copying) Replace(ctx context.Context, oldKey, newKey string, prev ginsession.Record, now time.Time, f ginsession.Mutate) (ginsession.Record, error) {
	record, err := s.Update(ctx, oldKey, prev, now, f)
	if err != nil {
		return record, err
	}
	return record, s.Create(ctx, newKey, record, now)
}

// selfCheck tortures the mutants and returns an error if one is not found.
func (c *campaign) selfCheck(ctx context.Context) error {
	for _, m := range mutants() {
		found, operations := 0, 0
		for tries := 0; found == 0; tries++ { // two requests must meet, which is a matter of chance
			if tries == 10 {
				return fmt.Errorf("%q was not found in %d operations", m.name, operations)
			}
			r, err := c.torture(ctx, m.subject)
			if err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
			found += m.finds(r.findings)
			operations += r.operations
		}
		fmt.Fprintf(c.out, "found %d times in %d operations: %s\n", found, operations, m.name)
	}
	return nil
}
