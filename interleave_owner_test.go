package ginsession_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testsite"
)

// A steppedSetCache is a steppedCache with sets, whose operations are steps too.
type steppedSetCache struct {
	*steppedCache
	sets map[string][]string // in the order of their addition, so that a schedule runs again
}

func newSteppedSetCache(g *stepper) *steppedSetCache {
	return &steppedSetCache{&steppedCache{stepper: g, entries: map[string][]byte{}}, map[string][]string{}}
}

func (c *steppedSetCache) AddMember(ctx context.Context, set, member string, _ time.Duration) error {
	return c.step(ctx, "AddMember", func() {
		if !slices.Contains(c.sets[set], member) {
			c.sets[set] = append(c.sets[set], member)
		}
	})
}

func (c *steppedSetCache) Members(ctx context.Context, set string) (members []string, err error) {
	err = c.step(ctx, "Members", func() { members = slices.Clone(c.sets[set]) })
	return members, err
}

func (c *steppedSetCache) RemoveMembers(ctx context.Context, set string, members ...string) error {
	return c.step(ctx, "RemoveMembers", func() {
		c.sets[set] = slices.DeleteFunc(c.sets[set], func(m string) bool { return slices.Contains(members, m) })
	})
}

// What EndSessionsOf has answered holds: whatever the order of its steps and those of a request of the
// owner's, nobody is signed in afterwards, whichever key the visitor has. Beside a cycle there are half a
// million orders without a fault, which is why chance draws among them.
func TestInterleavingsOfEndSessionsOf(t *testing.T) {
	requests := map[string]gin.HandlerFunc{
		"a read":  func(c *gin.Context) { ginsession.Get(c).Get("n") },
		"a save":  func(c *gin.Context) { ginsession.Get(c).Set("n", 2) },
		"a cycle": func(c *gin.Context) { s := ginsession.Get(c); _ = s.CycleKey(); s.Set("n", 2) },
	}
	for name, handler := range requests {
		t.Run("cached, "+name, func(t *testing.T) {
			sample(t, everyFault, 20_000, func(t *testing.T, g *stepper) string {
				return endBeside(t, g, ginsession.Cached(newSteppedSetCache(g)), handler)
			})
		})
		t.Run("cached_db, "+name, func(t *testing.T) { // its statements are no steps
			sample(t, everyFault, 300, func(t *testing.T, g *stepper) string {
				db := openSQLite(t)
				migrate(t, db)
				return endBeside(t, g, ginsession.CachedDB(db, newSteppedSetCache(g)), handler)
			})
		})
	}
}

func endBeside(t *testing.T, g *stepper, engine ginsession.Engine, handler gin.HandlerFunc) string {
	m, err := ginsession.NewManager(ginsession.Config{Engine: engine, Clock: testsite.NewClock().Now, Logger: (&testsite.Log{}).Logger()})
	if err != nil {
		t.Fatal(err)
	}
	r := testsite.NewRouter()
	r.Use(m.Handler())
	r.POST("/", handler)
	first := m.Open(t.Context(), "")
	if err := first.SignIn("al"); err != nil {
		t.Fatal(err)
	}
	save(t, first)

	var ending error
	var failed bool
	keys := []string{first.Key()}
	var mu sync.Mutex
	g.run(map[string]func(){
		"A": func() {
			reply := httptest.NewRecorder()
			request := httptest.NewRequest(http.MethodPost, "/", nil)
			request.AddCookie(m.Cookie(first))
			r.ServeHTTP(reply, request.WithContext(context.WithValue(t.Context(), requestName{}, "A")))
			mu.Lock()
			defer mu.Unlock()
			failed = reply.Code >= http.StatusInternalServerError
			for _, c := range reply.Result().Cookies() {
				keys = append(keys, c.Value)
			}
		},
		"B": func() {
			_, err := m.EndSessionsOf(context.WithValue(t.Context(), requestName{}, "B"), "al")
			mu.Lock()
			defer mu.Unlock()
			ending = err
		},
	})
	if ending != nil {
		return "" // it has promised nothing
	}
	for _, key := range keys {
		if s := m.Open(t.Context(), key); s.Owner() != "" {
			return fmt.Sprintf("somebody is signed in, after %d keys", len(keys))
		}
	}
	// A failed request may leave a session whose key nobody has been sent.
	if left, err := m.SessionsOf(t.Context(), "al"); len(left) > 0 && !failed || err != nil {
		return fmt.Sprintf("%d sessions are left, %v", len(left), err)
	}
	return ""
}
