package ginsession_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testsite"
)

// What two requests of one visitor may do, and how the outcome is judged: there must be an order of
// their loads and commits, one after the other, that gives the same answers and the same sessions.
// A request that was answered with an error may have been carried out or not.

// A steppedCache is a cache in memory whose operations are steps.
type steppedCache struct {
	stepper *stepper
	mu      sync.Mutex
	entries map[string][]byte
}

type requestName struct{}

func (c *steppedCache) step(ctx context.Context, what string, operation func()) error {
	name, _ := ctx.Value(requestName{}).(string)
	return c.stepper.do(name, "cache", what, func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		operation()
		return nil
	})
}

func (c *steppedCache) Get(ctx context.Context, key string) (value []byte, ok bool, err error) {
	err = c.step(ctx, "Get", func() { value, ok = c.entries[key] })
	if err != nil {
		return nil, false, err
	}
	return value, ok, nil
}

func (c *steppedCache) Add(ctx context.Context, key string, value []byte, _ time.Duration) (added bool, err error) {
	err = c.step(ctx, "Add", func() {
		if _, ok := c.entries[key]; !ok {
			c.entries[key], added = value, true
		}
	})
	return added && err == nil, err
}

func (c *steppedCache) CompareAndSwap(ctx context.Context, key string, old, new []byte, _ time.Duration) (swapped bool, err error) {
	err = c.step(ctx, "CompareAndSwap", func() {
		if value, ok := c.entries[key]; ok && bytes.Equal(value, old) {
			c.entries[key], swapped = new, true
		}
	})
	return swapped && err == nil, err
}

func (c *steppedCache) Delete(ctx context.Context, key string) error {
	return c.step(ctx, "Delete", func() { delete(c.entries, key) })
}

// handlers are what a request may do. Each answers with what it has read.
var handlers = map[string]gin.HandlerFunc{
	"read": func(c *gin.Context) { c.String(http.StatusOK, "%v", ginsession.Get(c).Get("n")) },
	"save": func(c *gin.Context) { ginsession.Get(c).Set("saved", true) },
	"modify": func(c *gin.Context) {
		_, _ = ginsession.Modify(ginsession.Get(c), "n", func(n int, _ bool) int { return n + 1 })
	},
	"claim": func(c *gin.Context) {
		token, _, err := ginsession.Claim[string](ginsession.Get(c), "token")
		if err != nil {
			c.String(http.StatusServiceUnavailable, "error")
			return
		}
		c.String(http.StatusOK, "%s", token)
	},
	"sign-in": func(c *gin.Context) {
		s := ginsession.Get(c)
		_ = s.CycleKey()
		s.Set("user", "al")
	},
	"sign-out": func(c *gin.Context) { _ = ginsession.Get(c).Flush() },
}

// An outcome is what a visitor sees of a request.
type outcome struct {
	failed bool   // the answer is an error
	body   string // what a read or a claim returned
	key    string // of the cookie that it set
}

// requests are what a visitor's requests at the same time do. Their names are A, B and C.
type requests []string

// dictionary is a session as the model has it.
type dictionary map[string]string

func (d dictionary) String() string {
	var b strings.Builder
	for _, key := range []string{"n", "saved", "token", "user"} {
		if v, ok := d[key]; ok {
			fmt.Fprintf(&b, "%s=%s ", key, v)
		}
	}
	return b.String()
}

// A world is what the model's store holds: the session that the visitor came with, and those that
// requests have made, by the requests' names.
type world map[string]dictionary

const old = "old" // the name of the session that was there at first

// play carries an operation's commit out in the world. loaded says whether the session was there when
// the request loaded it. It returns the answers that are right.
func (w world) play(name, operation string, loaded bool, n string) outcome {
	session, live := w[old]
	if !loaded {
		session, live = nil, false
	}
	ended := loaded && !live
	switch operation {
	case "read":
		return outcome{body: cmp.Or(n, "<nil>")}
	case "sign-out":
		delete(w, old)
		return outcome{}
	case "claim":
		token := session["token"]
		delete(session, "token")
		o := outcome{failed: ended, body: token}
		if token != "" {
			o.key = old // the cookie is sent again, for the session was saved
		}
		return o
	case "sign-in":
		moved := dictionary{"user": "al"}
		for key, v := range session {
			moved[key] = v
		}
		moved["user"] = "al"
		if live {
			delete(w, old)
		}
		w[name] = moved
		return outcome{key: name}
	}
	if ended {
		return outcome{failed: true}
	}
	key := old
	if !loaded {
		session, key = dictionary{}, name
		w[name] = session
	}
	switch operation {
	case "save":
		session["saved"] = "true"
	case "modify":
		session["n"] = map[string]string{"": "1", "1": "2", "2": "3", "3": "4"}[session["n"]]
	}
	return outcome{key: key}
}

// orders returns the orders of the loads, "ABC", and the commits, "abc", of so many requests.
func orders(requests int) (all []string) {
	var extend func(order string)
	extend = func(order string) {
		if len(order) == 2*requests {
			all = append(all, order)
		}
		for i := range requests {
			load, commit := string(rune('A'+i)), string(rune('a'+i))
			switch {
			case !strings.Contains(order, load):
				extend(order + load)
			case !strings.Contains(order, commit):
				extend(order + commit)
			}
		}
	}
	extend("")
	return all
}

// explain returns whether some order of the loads and commits gives these outcomes and these sessions.
func (r requests) explain(got map[string]outcome, final world) bool {
	for _, order := range orders(len(r)) {
		for applied := range 1 << len(r) { // which failed requests were carried out all the same
			w := world{old: {"n": "1", "token": "t"}}
			loaded, n := map[string]bool{}, map[string]string{}
			right := true
			for _, point := range order {
				name := strings.ToUpper(string(point))
				if string(point) == name {
					_, loaded[name] = w[old]
					n[name] = w[old]["n"]
					continue
				}
				i := point - 'a'
				if got[name].failed && applied&(1<<i) == 0 {
					continue
				}
				want := w.play(name, r[i], loaded[name], n[name])
				if got[name].failed {
					if want.key == name { // nobody has its cookie
						delete(w, name)
					}
					continue
				}
				right = right && !want.failed && want.body == got[name].body && (want.key == got[name].key || got[name].key == "")
			}
			if right && maps.EqualFunc(w, final, func(a, b dictionary) bool { return a.String() == b.String() }) {
				return true
			}
		}
	}
	return false
}

// try runs the requests against an engine and judges the outcome.
func (r requests) try(t *testing.T, g *stepper, engine ginsession.Engine) string {
	t.Helper()
	clock, log := testsite.NewClock(), &testsite.Log{}
	m, err := ginsession.NewManager(ginsession.Config{Engine: engine, Clock: clock.Now, Logger: log.Logger()})
	if err != nil {
		t.Fatal(err)
	}
	router := testsite.NewRouter()
	router.Use(m.Handler())
	for name, handler := range handlers {
		router.POST("/"+name, handler)
	}
	warm(t, m)
	first := m.Open(t.Context(), "")
	first.Update(map[string]any{"n": 1, "token": "t"})
	save(t, first)

	got := map[string]outcome{}
	keys := map[string]string{old: first.Key()}
	var mu sync.Mutex
	serve := func(name, operation string) func() {
		return func() {
			reply := httptest.NewRecorder()
			request := httptest.NewRequest(http.MethodPost, "/"+operation, nil)
			request.AddCookie(&http.Cookie{Name: "sessionid", Value: first.Key()})
			router.ServeHTTP(reply, request.WithContext(context.WithValue(t.Context(), requestName{}, name)))
			mu.Lock()
			defer mu.Unlock()
			o := outcome{failed: reply.Code >= 400}
			if operation == "read" || operation == "claim" {
				o.body = reply.Body.String()
			}
			for _, c := range reply.Result().Cookies() {
				switch {
				case c.MaxAge < 0:
				case c.Value == first.Key():
					o.key = old
				default:
					o.key, keys[name] = name, c.Value
				}
			}
			got[name] = o
		}
	}
	all := map[string]func(){}
	for i, operation := range r {
		name := string(rune('A' + i))
		all[name] = serve(name, operation)
	}
	g.run(all)

	final := world{}
	for name, key := range keys {
		s := m.Open(t.Context(), key)
		if s.Len() > 0 {
			final[name] = dictionary{}
			for k, v := range s.All() {
				final[name][k] = fmt.Sprint(v)
			}
		}
		if s.Err() != nil {
			return fmt.Sprintf("the session %s cannot be loaded afterwards: %v", name, s.Err())
		}
	}
	if r.explain(got, final) {
		return ""
	}
	return fmt.Sprintf("%s: no order explains the answers %+v and the sessions %v\nlog: %s", strings.Join(r, " beside "), got, final, log)
}

// warm has each statement prepared. Two requests that prepare one at the same time wait for each other
// inside database/sql, where no step can go on.
func warm(t *testing.T, m *ginsession.Manager) {
	s := m.Open(t.Context(), "")
	for range 2 {
		s.Set("n", 1)
		save(t, s)
		s = m.Open(t.Context(), s.Key())
		s.Load()
	}
	if err := s.CycleKey(); err != nil {
		t.Fatal(err)
	}
	save(t, s)
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
}
