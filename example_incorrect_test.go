package ginsession_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// What not to do, and what it costs.

// To sign somebody in without CycleKey leaves the visitor the key from before. Whoever planted that
// key in the browser is then signed in too (session fixation).
func Example_incorrectSignInWithoutCycleKey() {
	ctx := context.Background()
	m := exampleManager()
	planted := exampleSave(m.Open(ctx, "")) // the attacker's own session, whose cookie the victim got

	s := m.Open(ctx, planted)
	s.Set("user", "victim") // should be: s.CycleKey(), then s.Set("user", …)
	exampleSave(s)

	fmt.Println("the attacker is", m.Open(ctx, planted).Get("user"))
	// Output:
	// the attacker is victim
}

// To compute the new value from one that was read loses the increments of requests that run at the
// same time. Modify loses none.
func Example_incorrectCounter() {
	ctx := context.Background()
	m := exampleManager()
	s := m.Open(ctx, "")
	s.Set("visits", 0)
	s.Set("counted", 0)
	key := exampleSave(s)

	var requests [10]*ginsession.Session
	for i := range requests {
		requests[i] = m.Open(ctx, key)
		if err := requests[i].Load(); err != nil { // all ten before one has saved
			log.Fatal(err)
		}
	}
	for _, s := range requests {
		n, _ := ginsession.Value[int](s, "visits")
		s.Set("visits", n+1) // should be: Modify
		_, _ = ginsession.Modify(s, "counted", func(n int, _ bool) int { return n + 1 })
		exampleSave(s)
	}
	s = m.Open(ctx, key)
	fmt.Println("visits:", s.Get("visits"), "counted:", s.Get("counted"))
	// Output:
	// visits: 1 counted: 10
}

// To sign out with Clear empties the session and leaves its key alive: what is set later belongs to
// whoever has a copy of the cookie. Flush ends the session.
func Example_incorrectSignOutWithClear() {
	ctx := context.Background()
	m := exampleManager()
	s := m.Open(ctx, "")
	s.Set("user", "alice")
	copied := exampleSave(s)

	s = m.Open(ctx, copied)
	s.Clear() // should be: s.Flush()
	exampleSave(s)
	s.Set("user", "bob") // the next visitor of the same browser
	exampleSave(s)

	fmt.Println("the copied cookie opens the session of", m.Open(ctx, copied).Get("user"))
	// Output:
	// the copied cookie opens the session of bob
}

// To change a new session after the response's first byte cannot work: its cookie is a header. The
// change is lost, and logged.
func Example_incorrectSetAfterWrite() {
	m := exampleManager()
	r := exampleSite()
	r.Use(m.Handler())
	r.GET("/", func(c *gin.Context) {
		c.String(http.StatusOK, "page")
		ginsession.Get(c).Set("seen", true) // should be: before c.String
	})
	reply := httptest.NewRecorder()
	r.ServeHTTP(reply, httptest.NewRequest(http.MethodGet, "/", nil))
	fmt.Println("cookies:", len(reply.Result().Cookies()))
	// Output:
	// cookies: 0
}

// To share a session among the goroutines of several requests, or to keep it beyond its request,
// shows what it was when it was loaded. Open it again by its key instead, or use Reload.
func Example_incorrectKeptSession() {
	ctx := context.Background()
	m := exampleManager()
	key := exampleSave(m.Open(ctx, ""))
	kept := m.Open(ctx, key)
	kept.Has("news") // loaded

	var other sync.WaitGroup
	other.Go(func() {
		s := m.Open(ctx, key)
		s.Set("news", "there is some")
		exampleSave(s)
	})
	other.Wait()

	fmt.Println("kept:", kept.Get("news"))
	if err := kept.Reload(); err != nil {
		log.Fatal(err)
	}
	fmt.Println("reloaded:", kept.Get("news"))
	// Output:
	// kept: <nil>
	// reloaded: there is some
}

// exampleSave saves s and returns its key.
func exampleSave(s *ginsession.Session) string {
	if err := s.Save(); err != nil {
		log.Fatal(err)
	}
	return s.Key()
}
