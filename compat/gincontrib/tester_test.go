package gincontrib_test

import (
	"testing"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/tester"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/compat/gincontrib"
)

// The suite by which gin-contrib/sessions tests its own stores, on every engine.
func TestTester(t *testing.T) {
	forEachEngine(t, func(t *testing.T, engine ginsession.Engine) {
		newStore := func(t *testing.T) sessions.Store {
			return gincontrib.NewStore(newManager(t, onEngine(engine)))
		}
		t.Run("GetSet", func(t *testing.T) { tester.GetSet(t, newStore) })
		t.Run("DeleteKey", func(t *testing.T) { tester.DeleteKey(t, newStore) })
		t.Run("Flashes", func(t *testing.T) { tester.Flashes(t, newStore) })
		t.Run("Clear", func(t *testing.T) { tester.Clear(t, newStore) })
		t.Run("Options", func(t *testing.T) { tester.Options(t, newStore) })
		t.Run("Many", func(t *testing.T) { tester.Many(t, newStore) })
	})
}
