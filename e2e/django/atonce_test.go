package django_test

import (
	"errors"
	"testing"

	"github.com/ginsession/ginsession"
)

// testAtOnce has one program change a session that the other is at work on.
func testAtOnce(t *testing.T, b backend, p *pair) {
	if b.stateless {
		return // each request has a copy of its own
	}
	old := map[string]any{"a": "old"}

	t.Run("Gin keeps what Django saves", func(t *testing.T) {
		key := p.site.save(t, old, nil)
		s := p.shop.Open(t.Context(), key)
		if err := s.Load(); err != nil {
			t.Fatal(err)
		}
		p.site.ask(t, "save", map[string]any{"key": key, "data": tag(map[string]any{"a": "new"})}, nil)
		s.Set("b", "mine")
		if err := s.Save(); err != nil {
			t.Fatal(err)
		}
		want := canonical(t, tag(map[string]any{"a": "new", "b": "mine"}))
		if got := canonical(t, p.site.load(t, key).Data); got != want {
			t.Errorf("Django reads %s, want %s", got, want)
		}
	})

	t.Run("Django signs out", func(t *testing.T) {
		key := p.site.save(t, old, nil)
		s := p.shop.Open(t.Context(), key)
		s.Set("b", "mine")
		p.site.ask(t, "delete", map[string]any{"key": key}, nil)
		if err := s.Save(); !errors.Is(err, ginsession.ErrInterrupted) {
			t.Errorf("Gin's save: %v", err)
		}
		if p.isStored(t, b, key) {
			t.Error("Gin has brought the session back")
		}
	})

	t.Run("Gin signs out", func(t *testing.T) {
		key := p.shop.save(t, old, ginsession.ExpireDefault)
		p.site.ask(t, "hold", map[string]any{"key": key}, nil)
		if err := p.shop.Open(t.Context(), key).Flush(); err != nil {
			t.Fatal(err)
		}
		var failure string
		p.site.ask(t, "save_held", map[string]any{"key": key}, &failure)
		if failure != "UpdateError" {
			t.Errorf("Django's save ends with %q", failure)
		}
		if p.isStored(t, b, key) {
			t.Error("Django has brought the session back")
		}
	})
}
