package enginetest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// The rules for engines that keep sessions on the server.

// signedIn returns a visitor with a session that has values.
func (t *engineTest) signedIn(values data) *visitor {
	t.Helper()
	v := t.visitor()
	v.visits(func(s *ginsession.Session) { s.Update(values) })
	return v
}

func (t *engineTest) twoNodes() {
	v := t.signedIn(data{"a": int64(-1)})
	for i := range 12 {
		long := strings.Repeat(string(rune('a'+i)), i*i*1000)
		set := func(_ *gin.Context, s *ginsession.Session) { s.Update(data{"a": i, "long": long}) }
		v.request(i%2, http.MethodPost, set)
		v.want(data{"a": int64(i), "long": long}, "after a change at one node")
	}
	copied := t.visitorWith(v.cookie())
	v.visits(t.flushing)
	copied.want(data{}, "after Flush at one node")
}

func (t *engineTest) ended() {
	for name, end := range map[string]func(*visitor){
		"Flush":         func(v *visitor) { v.visits(t.flushing) },
		"Flush and Set": func(v *visitor) { v.visits(func(s *ginsession.Session) { t.flushing(s); s.Set("b", 1) }) },
		"CycleKey":      func(v *visitor) { v.visits(t.cycling) },
		"Delete": func(v *visitor) {
			if err := t.nodes[1].Delete(t.Context(), v.cookie()); err != nil {
				t.Errorf("Delete: %v", err)
			}
		},
	} {
		v := t.signedIn(data{"a": int64(1)})
		v.want(data{"a": int64(1)}, "before "+name)
		key := v.cookie()
		end(v)
		t.wantEnded(key, "after "+name)
	}
}

// wantEnded wants the key to open nothing, at either node, also for one who writes with it.
func (t *engineTest) wantEnded(key, when string) {
	t.Helper()
	thief := t.visitorWith(key)
	thief.want(data{}, "of the old key, "+when)
	if r := thief.visits(func(s *ginsession.Session) { s.Set("x", 1) }); r.cookie == nil || r.cookie.Value == key {
		t.Errorf("the old key was adopted by one who wrote with it, %s", when)
	}
	for i, n := range t.nodes {
		if ok, err := n.Exists(t.Context(), key); ok || err != nil {
			t.Errorf("Exists of the old key at node %d, %s: %v, %v", i, when, ok, err)
		}
	}
}

// outlived has a request load the session, another one end it, and the first one go on.
func (t *engineTest) outlived() {
	every := t.with(func(cfg *ginsession.Config) { cfg.SaveEveryRequest = true })
	change := func(s *ginsession.Session) { s.Set("b", 2) }
	for name, c := range map[string]struct {
		site   *engineTest
		method string
		change func(*ginsession.Session)
		want   int
	}{
		"a change by POST":    {t, http.MethodPost, change, http.StatusConflict},
		"a change by GET":     {t, http.MethodGet, change, http.StatusOK},
		"Clear by POST":       {t, http.MethodPost, (*ginsession.Session).Clear, http.StatusConflict},
		"CycleKey by POST":    {t, http.MethodPost, t.cycling, http.StatusConflict},
		"Modify by POST":      {t, http.MethodPost, increase, http.StatusConflict},
		"an extension":        {every, http.MethodPost, func(*ginsession.Session) {}, http.StatusOK},
		"SaveEveryRequest":    {every, http.MethodPost, change, http.StatusConflict},
		"MarkModified by GET": {t, http.MethodGet, (*ginsession.Session).MarkModified, http.StatusOK},
	} {
		v := c.site.signedIn(data{"a": 1})
		key := v.cookie()
		r := v.request(0, c.method, func(_ *gin.Context, s *ginsession.Session) {
			s.Get("a")
			c.site.visitorWith(key).request(1, http.MethodPost, func(_ *gin.Context, s *ginsession.Session) { t.flushing(s) })
			t.advance(time.Minute)
			c.change(s)
		})
		if r.status != c.want {
			t.Errorf("the request that outlived its session, with %s, was answered with the status %d; want %d", name, r.status, c.want)
		}
		r.wantCookie(t, false, "to a request that outlived its session, with "+name)
		t.wantEnded(key, "after a request that outlived its session, with "+name)
	}
}

// signedInTwice has two sign-ins load the same session before either of them saves it.
func (t *engineTest) signedInTwice() {
	for range 5 {
		v := t.signedIn(data{"before": int64(1)})
		key := v.cookie()
		both := newMeeting(2)
		var visitors [2]*visitor
		together(2, func(i int) {
			visitors[i] = t.visitorWith(key)
			visitors[i].visits(func(s *ginsession.Session) {
				t.cycling(s)
				both.wait()
				s.Set("user", i)
			})
		})
		moved := 0
		for i, v := range visitors {
			if v.reads(0)["before"] == nil {
				v.want(data{"user": int64(i)}, "of the sign-in that came second")
				continue
			}
			moved++
			v.want(data{"before": int64(1), "user": int64(i)}, "of the sign-in that came first")
		}
		if moved != 1 || visitors[0].cookie() == visitors[1].cookie() {
			t.Errorf("of two sign-ins with one key %d took the session along; want 1 and two new keys", moved)
		}
		t.wantEnded(key, "after a sign-in that was sent twice")
	}
}

func (t *engineTest) atOnce() {
	const requests = 16
	v := t.signedIn(data{"common": 0})
	key := v.cookie()
	all := newMeeting(requests)
	want := data{"common": int64(1)}
	for i := range requests {
		want[fmt.Sprintf("by%d", i)] = int64(i)
	}
	together(requests, func(i int) {
		r := t.visitorWith(key).request(i%2, http.MethodPost, func(_ *gin.Context, s *ginsession.Session) {
			s.Get("common")
			all.wait()
			s.Set(fmt.Sprintf("by%d", i), i)
			s.Set("common", 1)
		})
		if r.status != http.StatusOK || r.cookie == nil || r.cookie.Value != key {
			t.Errorf("a request among many on one session was answered with the status %d and the cookie %v", r.status, r.cookie != nil)
		}
	})
	v.want(want, "after many requests at once")
}

// A meeting lets nobody go before all have come.
type meeting struct {
	missing atomic.Int32
	open    chan struct{}
}

func newMeeting(n int32) *meeting {
	m := &meeting{open: make(chan struct{})}
	m.missing.Store(n)
	return m
}

// wait gives up after a while: if a request failed, the test says so and goes on.
func (m *meeting) wait() {
	if m.missing.Add(-1) == 0 {
		close(m.open)
	}
	select {
	case <-m.open:
	case <-time.After(20 * time.Second):
	}
}

func increase(s *ginsession.Session) {
	_, _ = ginsession.Modify(s, "n", func(n int, _ bool) int { return n + 1 })
}

func (t *engineTest) modify() {
	const clients, each = 16, 4
	v := t.signedIn(data{"n": 0})
	key := v.cookie()
	together(clients, func(i int) {
		client := t.visitorWith(key)
		for range each {
			r := client.request(i%2, http.MethodPost, func(_ *gin.Context, s *ginsession.Session) { increase(s) })
			if r.status != http.StatusOK {
				t.Errorf("a Modify among many was answered with the status %d", r.status)
			}
		}
	})
	v.want(data{"n": int64(clients * each)}, "after many Modifies at once")
}

func (t *engineTest) claim() {
	const clients = 12
	for range 4 {
		v := t.signedIn(data{"token": "t", "other": int64(1)})
		key := v.cookie()
		all := newMeeting(clients)
		var won atomic.Int32
		together(clients, func(i int) {
			t.visitorWith(key).request(i%2, http.MethodPost, func(_ *gin.Context, s *ginsession.Session) {
				s.Get("token")
				all.wait()
				token, ok, err := ginsession.Claim[string](s, "token")
				switch {
				case err != nil:
					t.Errorf("Claim: %v", err)
				case ok && token == "t":
					won.Add(1)
				case ok || token != "":
					t.Errorf("Claim returned %q, %v", token, ok)
				}
			})
		})
		if n := won.Load(); n != 1 {
			t.Errorf("%d of %d concurrent Claims got the value; want 1", n, clients)
		}
		v.want(data{"other": int64(1)}, "after Claim")
	}
}

func (t *engineTest) signOutAmongMany() {
	const clients = 6
	for range 8 {
		v := t.signedIn(data{"a": 1})
		key := v.cookie()
		together(clients, func(i int) {
			client := t.visitorWith(key)
			if i == 0 {
				client.visits(t.flushing)
				return
			}
			for k := range 3 {
				r := client.request(i%2, http.MethodPost, func(_ *gin.Context, s *ginsession.Session) {
					if s.IsEmpty() {
						return
					}
					if i%3 == 0 {
						increase(s)
					} else {
						s.Set(fmt.Sprintf("by%d-%d", i, k), true)
					}
				})
				if r.status != http.StatusOK && r.status != http.StatusConflict {
					t.Errorf("a request beside a sign-out was answered with the status %d; want 200 or 409", r.status)
				}
			}
		})
		t.wantEnded(key, "after a sign-out among many requests")
	}
}

func (t *engineTest) outside() {
	s := t.nodes[0].Open(t.Context(), "")
	s.Set("a", 1)
	t.saving(s)
	key := s.Key()
	for i, n := range t.nodes {
		if ok, err := n.Exists(t.Context(), key); !ok || err != nil {
			t.Errorf("Exists of a saved session at node %d: %v, %v", i, ok, err)
		}
	}
	t.visitorWith(key).want(data{"a": int64(1)}, "that was saved outside a request")

	// The context of somebody who has gone is no reason to lose a save.
	gone, cancel := context.WithCancel(t.Context())
	left := t.nodes[1].Open(gone, key)
	left.Set("b", 2)
	cancel()
	t.saving(left)
	t.visitorWith(key).want(data{"a": int64(1), "b": int64(2)}, "that was saved after its context ended")

	late := t.nodes[1].Open(t.Context(), key)
	late.Set("c", 3)
	if err := t.nodes[0].Delete(t.Context(), key); err != nil {
		t.Errorf("Delete: %v", err)
	}
	if err := late.Save(); !errors.Is(err, ginsession.ErrInterrupted) {
		t.Errorf("Save of a session that was deleted meanwhile: %v; want ErrInterrupted", err)
	}
	t.wantEnded(key, "after Delete and Save")
}

func (t *engineTest) saving(s *ginsession.Session) {
	t.Helper()
	if err := s.Save(); err != nil {
		t.Errorf("Save: %v", err)
	}
}

func (t *engineTest) clear() {
	brief := t.signedIn(data{"a": 1})
	brief.visits(func(s *ginsession.Session) { s.SetExpiry(ginsession.ExpireAfter(time.Hour)) })
	extended := t.signedIn(data{"a": int64(1)})
	extended.visits(func(s *ginsession.Session) { s.SetExpiry(ginsession.ExpireAfter(3 * time.Hour)) })
	long := t.signedIn(data{"a": int64(1)})
	t.advance(2 * time.Hour)
	for _, n := range t.nodes {
		removed, err := n.ClearExpired(t.Context(), ginsession.ClearBatchSize(1))
		if err != nil || removed < 0 || removed > 1 {
			t.Errorf("ClearExpired of one expired session: %d, %v", removed, err)
		}
	}
	brief.want(data{}, "that had expired, after ClearExpired")
	extended.wantValue(int64(1), "that lives, after ClearExpired")
	long.wantValue(int64(1), "that lives, after ClearExpired")
}
