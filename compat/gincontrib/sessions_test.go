package gincontrib_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/compat/gincontrib"
)

// save saves the request's session as handlers of gin-contrib/sessions do.
func save(t testing.TB, c *gin.Context) {
	t.Helper()
	if err := sessions.Default(c).Save(); err != nil {
		t.Error("Save:", err)
	}
}

// get returns a value as the next request sees it.
func (b *browser) get(key any) (value any) {
	b.site.t.Helper()
	b.do(func(c *gin.Context) { value = sessions.Default(c).Get(key) })
	return value
}

// What the tester suite tests of stores, on the session that Sessions provides.
func TestSessionsOnEveryEngine(t *testing.T) {
	forEachEngine(t, func(t *testing.T, engine ginsession.Engine) {
		web := newSite(t, gincontrib.Sessions(newManager(t, onEngine(engine)))).browser()
		check(t, "before", web.get("key"), nil)
		web.do(func(c *gin.Context) {
			s := sessions.Default(c)
			s.Set("key", "ok")
			s.Set("other", 1)
			s.AddFlash("hello")
			s.AddFlash("error", "errors")
			save(t, c)
		})
		check(t, "key", web.get("key"), "ok")
		var flashes, failures, again []any
		web.do(func(c *gin.Context) {
			s := sessions.Default(c)
			s.Delete("key")
			s.Delete("never set")
			flashes, failures = s.Flashes(), s.Flashes("errors")
			save(t, c)
		})
		web.do(func(c *gin.Context) { again = sessions.Default(c).Flashes() })
		check(t, "flashes", flashes, []any{"hello"})
		check(t, "flashes under a key", failures, []any{"error"})
		check(t, "flashes again", len(again), 0)
		check(t, "a deleted key", web.get("key"), nil)
		check(t, "the key beside it", web.get("other"), 1)
		web.do(func(c *gin.Context) {
			sessions.Default(c).Clear()
			save(t, c)
		})
		check(t, "a cleared key", web.get("other"), nil)
	})
}

func TestTypes(t *testing.T) {
	values := map[any]any{
		"string": "text", "nil": nil, "bool": true,
		"int": int(-1), "int8": int8(-8), "int64": int64(1) << 60, "uint": uint(7), "uint8": uint8(255), "uint64": uint64(1) << 63,
		"float32": float32(1.5), "float64": 2.0, "bytes": []byte("bytes"), "strings": []string{"a", "b"},
		"map": map[uint64]bool{1 << 63: true}, "struct": user{"Ann", map[uint64]bool{7: true}},
		1: "int key", int64(1): "int64 key", uint8(1): "uint8 key", true: "bool key", 1.5: "float key", 'r': "rune key",
		role("admin"): "key of a type of its own", "admin": "its text",
		"_session_expiry": "reserved", "_gob:BAgAAQ": "looks encoded", "": "empty", "é\"\n": "escaped",
	}
	forEachEngine(t, func(t *testing.T, engine ginsession.Engine) {
		web := newSite(t, gincontrib.Sessions(newManager(t, onEngine(engine)))).browser()
		web.do(func(c *gin.Context) {
			for key, value := range values {
				sessions.Default(c).Set(key, value)
				check(t, fmt.Sprintf("%#v at once", key), sessions.Default(c).Get(key), value)
			}
		})
		web.do(func(c *gin.Context) {
			for key, value := range values {
				check(t, fmt.Sprintf("%#v", key), sessions.Default(c).Get(key), value)
			}
		})
	})
}

// A string that looks like the encoding of another key is a key of its own.
func TestEncodedKeys(t *testing.T) {
	web := newSite(t, gincontrib.Sessions(newManager(t))).browser()
	var encoded string
	web.do(func(c *gin.Context) {
		sessions.Default(c).Set(1, "int key")
		encoded = ginsession.Get(c).Keys()[0]
		sessions.Default(c).Set(encoded, "string key")
	})
	check(t, "1", web.get(1), "int key")
	check(t, encoded, web.get(encoded), "string key")
}

// A failed store is not an empty session.
func TestUnavailable(t *testing.T) {
	db := openSQLite(t)
	web := newSite(t, gincontrib.Sessions(newManager(t, onEngine(database(t, db))))).browser()
	web.do(func(c *gin.Context) { sessions.Default(c).Set("k", 1) })
	breakDB(t, db)
	r := web.do(func(c *gin.Context) {
		s := sessions.Default(c)
		check(t, "k", s.Get("k"), nil)
		s.Set("k", 2)
		if err := s.Save(); !errors.Is(err, ginsession.ErrUnavailable) {
			t.Errorf("Save: %v, want ErrUnavailable", err)
		}
	})
	check(t, "status", r.StatusCode, http.StatusServiceUnavailable)
}

// A key that cannot be kept fails the save loudly; reading it finds nothing.
func TestUnusableKeys(t *testing.T) {
	type unregistered string
	site := newSite(t, gincontrib.Sessions(newManager(t)))
	for _, key := range []any{unregistered("k"), struct{ A int }{1}, [2]int{1, 2}, nil, &user{}, marked("k")} {
		r := site.browser().do(func(c *gin.Context) {
			s := sessions.Default(c)
			check(t, "Get", s.Get(key), nil)
			s.Delete(key)
			if err := s.Save(); err != nil {
				t.Error(err)
			}
			s.Set(key, "v")
			if err := s.Save(); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("a key of type %T", key)) {
				t.Errorf("%T: Save: %v", key, err)
			}
		})
		check(t, fmt.Sprintf("status with %T", key), r.StatusCode, http.StatusInternalServerError)
	}
}

// Handlers that forget Save have their changes saved; ones that change nothing create nothing.
func TestSave(t *testing.T) {
	site := newSite(t, gincontrib.Sessions(newManager(t)))
	web := site.browser()
	for name, page := range map[string]gin.HandlerFunc{
		"unused": func(c *gin.Context) { save(t, c) },
		"read":   func(c *gin.Context) { sessions.Default(c).Get("k"); save(t, c) },
		"flashes": func(c *gin.Context) {
			sessions.Default(c).Flashes()
			save(t, c)
		},
		"options": func(c *gin.Context) {
			sessions.Default(c).Options(sessions.Options{MaxAge: 60})
			save(t, c)
		},
		"deleted": func(c *gin.Context) { sessions.Default(c).Delete("k"); save(t, c) },
		"emptied": func(c *gin.Context) {
			sessions.Default(c).Set("k", 1)
			sessions.Default(c).Clear()
			save(t, c)
		},
		"signed out": func(c *gin.Context) { sessions.Default(c).Options(sessions.Options{MaxAge: -1}); save(t, c) },
	} {
		check(t, "Set-Cookie: "+name, web.do(page).setCookie(t), "")
	}
	web.do(func(c *gin.Context) { sessions.Default(c).Set("k", "without Save") })
	check(t, "k", web.get("k"), "without Save")
	check(t, "Set-Cookie after a read", web.do(func(c *gin.Context) {
		sessions.Default(c).Get("k")
		save(t, c)
	}).setCookie(t), "")
}

// ID is the key that the cookie carries, and the native session the same as the adapter's.
func TestID(t *testing.T) {
	m := newManager(t)
	web := newSite(t, gincontrib.Sessions(m)).browser()
	id := ""
	web.do(func(c *gin.Context) {
		s := sessions.Default(c)
		check(t, "ID of a new session", s.ID(), "")
		s.Set("k", 7)
		save(t, c)
		id = s.ID()
		n, _ := ginsession.Value[int](ginsession.Get(c), "k")
		check(t, "the native value", n, 7)
	})
	check(t, "the cookie", web.Jar.Cookies(web.address())[0].Value, id)
}

// Requests that run at the same time, each of which has read before the others have saved.
func TestRequestsMerge(t *testing.T) {
	const n = 8
	forEachEngine(t, func(t *testing.T, engine ginsession.Engine) {
		m := newManager(t, onEngine(engine))
		if m.Delete(t.Context(), "") != nil {
			return // signed cookies cannot merge
		}
		web := newSite(t, gincontrib.Sessions(m)).browser()
		web.do(func(c *gin.Context) { sessions.Default(c).Set("start", true) })
		meet := newBarrier(n)
		atOnce(n, func(i int) {
			_, err := web.copied().try(func(c *gin.Context) {
				s := sessions.Default(c)
				s.Get("start")
				meet.wait()
				s.Set(i, i)
				s.AddFlash(i)
				save(t, c)
			})
			if err != nil {
				t.Error(err)
			}
		})
		var flashes []int
		web.do(func(c *gin.Context) {
			for i := range n {
				check(t, fmt.Sprint("value of ", i), sessions.Default(c).Get(i), i)
			}
			for _, flash := range sessions.Default(c).Flashes() {
				flashes = append(flashes, flash.(int))
			}
		})
		slices.Sort(flashes)
		check(t, "flashes", flashes, []int{0, 1, 2, 3, 4, 5, 6, 7})
	})
}

// Of requests that take the flashes at the same time one gets them.
func TestFlashesAreTakenOnce(t *testing.T) {
	const n = 8
	forEachEngine(t, func(t *testing.T, engine ginsession.Engine) {
		m := newManager(t, onEngine(engine))
		if m.Delete(t.Context(), "") != nil {
			return // signed cookies cannot claim
		}
		web := newSite(t, gincontrib.Sessions(m)).browser()
		web.do(func(c *gin.Context) { sessions.Default(c).AddFlash("once") })
		meet := newBarrier(n)
		taken := make([][]any, n)
		atOnce(n, func(i int) {
			_, err := web.copied().try(func(c *gin.Context) {
				s := sessions.Default(c)
				s.Get("loads the session")
				meet.wait()
				taken[i] = s.Flashes()
				save(t, c)
			})
			if err != nil {
				t.Error(err)
			}
		})
		check(t, "flashes of all requests", slices.Concat(taken...), []any{"once"})
	})
}

// A barrier lets its visitors go on when all have come.
type barrier struct {
	arrive chan struct{}
	leave  chan struct{}
}

func newBarrier(n int) *barrier {
	b := &barrier{make(chan struct{}), make(chan struct{})}
	go func() {
		for range n {
			<-b.arrive
		}
		close(b.leave)
	}()
	return b
}

func (b *barrier) wait() {
	b.arrive <- struct{}{}
	<-b.leave
}

// Also requests that add a flash and show it at once take none that another has taken.
func TestFlashesAreTakenOnceByWhoAddsSome(t *testing.T) {
	const n = 8
	forEachEngine(t, func(t *testing.T, engine ginsession.Engine) {
		m := newManager(t, onEngine(engine))
		if m.Delete(t.Context(), "") != nil {
			return // signed cookies cannot claim
		}
		web := newSite(t, gincontrib.Sessions(m)).browser()
		web.do(func(c *gin.Context) { sessions.Default(c).AddFlash(-1) })
		meet := newBarrier(n)
		taken := make([][]any, n)
		atOnce(n, func(i int) {
			_, err := web.copied().try(func(c *gin.Context) {
				s := sessions.Default(c)
				s.Get("loads the session")
				meet.wait()
				s.AddFlash(i)
				taken[i] = s.Flashes()
				save(t, c)
			})
			if err != nil {
				t.Error(err)
			}
		})
		var flashes []int
		for _, flash := range slices.Concat(taken...) {
			flashes = append(flashes, flash.(int))
		}
		slices.Sort(flashes)
		check(t, "flashes of all requests", flashes, []int{-1, 0, 1, 2, 3, 4, 5, 6, 7})
	})
}

// A handler that has Gin run the chain again for another path keeps its session.
func TestHandleContext(t *testing.T) {
	site := newSite(t, gincontrib.Sessions(newManager(t)))
	r := site.Config.Handler.(*gin.Engine)
	r.GET("/first", func(c *gin.Context) {
		sessions.Default(c).Set("k", "of the first")
		c.Request.URL.Path = "/second"
		r.HandleContext(c)
	})
	r.GET("/second", func(c *gin.Context) { c.String(http.StatusOK, "%v", sessions.Default(c).Get("k")) })
	web := site.browser()
	reply, err := web.fetch(http.MethodGet, "/first")
	if err != nil {
		t.Fatal(err)
	}
	check(t, "body", reply.text, "of the first")
	check(t, "k", web.get("k"), "of the first")
}
