package ginsession_test

import (
	"context"
	"errors"
	"testing"

	"github.com/ginsession/ginsession"
)

// The end of a context stops ClearExpired and nothing else.
func TestCancelledContext(t *testing.T) {
	d := newDesk(t)
	key := d.saved(t, map[string]any{"a": 1})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	exists, err := d.Exists(ctx, key)
	check(t, "Exists", []any{exists, err}, []any{true, error(nil)})
	s := d.Open(ctx, key)
	s.Set("a", 2)
	check(t, "Save", s.Save(), error(nil))
	check(t, "record", d.store.Text(key), `{"a":2}`)
	check(t, "Delete", d.Delete(ctx, key), error(nil))
	check(t, "records", len(d.store.Keys()), 0)

	for name, m := range map[string]*ginsession.Manager{"a store of one's own": d.Manager, "db": newDBManager(t)} {
		if _, err := m.ClearExpired(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: ClearExpired: %v, want context.Canceled", name, err)
		}
	}
}

func newDBManager(t *testing.T) *ginsession.Manager {
	t.Helper()
	m, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.DB(migrated(t))})
	if err != nil {
		t.Fatal(err)
	}
	return m
}
