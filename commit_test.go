package ginsession_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testsite"
)

// The table of what happens at the commit: every row's store calls, cookie and headers.
func TestMiddlewareCommit(t *testing.T) {
	const week = 7 * 24 * time.Hour
	everyRequest := ginsession.Config{SaveEveryRequest: true}
	renew := ginsession.Config{RenewAfter: week}
	for _, tt := range []struct {
		name    string
		cfg     ginsession.Config
		fresh   bool          // the visitor has no session
		later   time.Duration // since the session was made
		handler func(s *ginsession.Session)
		status  int
		calls   string
		cookie  string // what is set: "same" or "new" key, "deleted"
		data    string // the records afterwards; "" if they are unchanged
	}{
		{name: "untouched", handler: func(*ginsession.Session) {}, calls: "Load"},
		{name: "untouched, no cookie", fresh: true, handler: func(*ginsession.Session) {}},
		{name: "only looked at from outside", handler: func(s *ginsession.Session) {
			_, _, _ = s.Accessed(), s.Modified(), s.Err()
		}, calls: "Load"},

		{name: "read", handler: func(s *ginsession.Session) { s.Get("v") }, calls: "Load"},
		{name: "read, no cookie", fresh: true, handler: func(s *ginsession.Session) { s.Get("v") }},
		{name: "read twice", handler: func(s *ginsession.Session) { s.Get("v"); s.Keys() }, calls: "Load"},
		{name: "key", handler: func(s *ginsession.Session) { s.Key() }, calls: "Load"},
		{name: "container read", handler: func(s *ginsession.Session) { s.Get("list") }, calls: "Load"},

		{name: "new and modified", fresh: true, handler: func(s *ginsession.Session) { s.Set("v", 1) },
			calls: "Create", cookie: "new", data: `{"v":1}`},
		{name: "new, saved by hand", fresh: true, handler: func(s *ginsession.Session) { _ = s.Save() },
			calls: "Create", cookie: "new", data: `{}`},
		{name: "modified", handler: func(s *ginsession.Session) { s.Set("v", 2) },
			calls: "Load Update", cookie: "same", data: `{"list":[1],"v":2}`},
		{name: "modified to the same", handler: func(s *ginsession.Session) { s.Set("v", 1) },
			calls: "Load Update", cookie: "same"},
		{name: "container changed", handler: func(s *ginsession.Session) { s.Get("list").([]any)[0] = "x" },
			calls: "Load Update", cookie: "same", data: `{"list":["x"],"v":1}`},
		{name: "marked", handler: func(s *ginsession.Session) { s.MarkModified() }, calls: "Load Update", cookie: "same"},
		{name: "marked, no cookie", fresh: true, handler: func(s *ginsession.Session) { s.MarkModified() }},
		{name: "modified and saved by hand", handler: func(s *ginsession.Session) {
			s.Set("v", 2)
			_ = s.Save()
		}, calls: "Load Update", cookie: "same", data: `{"list":[1],"v":2}`},
		{name: "saved by hand, then modified", handler: func(s *ginsession.Session) {
			_ = s.Save()
			s.Set("v", 2)
		}, calls: "Load Update Update", cookie: "same", data: `{"list":[1],"v":2}`},
		{name: "claimed", handler: func(s *ginsession.Session) { _, _, _ = ginsession.Claim[int](s, "v") },
			calls: "Load Update", cookie: "same", data: `{"list":[1]}`},

		{name: "cleared", handler: func(s *ginsession.Session) { s.Clear() }, calls: "Load Update", cookie: "same", data: `{}`},
		{name: "emptied key by key", handler: func(s *ginsession.Session) {
			_, _ = s.Delete("v"), s.Delete("list")
		}, calls: "Load Update", cookie: "same", data: `{}`},
		{name: "new and emptied again", fresh: true, handler: func(s *ginsession.Session) {
			s.Set("v", 1)
			_ = s.Delete("v")
		}},
		{name: "new and cleared", fresh: true, handler: func(s *ginsession.Session) { s.Clear() }},
		{name: "deleted what is not there", handler: func(s *ginsession.Session) { _ = s.Delete("none") }, calls: "Load"},

		{name: "cycled", handler: func(s *ginsession.Session) { _ = s.CycleKey() }, calls: "Load Replace", cookie: "new"},
		{name: "cycled and modified", handler: func(s *ginsession.Session) {
			_ = s.CycleKey()
			s.Set("v", 2)
		}, calls: "Load Replace", cookie: "new", data: `{"list":[1],"v":2}`},
		{name: "cycled, no cookie", fresh: true, handler: func(s *ginsession.Session) { _ = s.CycleKey() }},
		{name: "cycled and modified, no cookie", fresh: true, handler: func(s *ginsession.Session) {
			_ = s.CycleKey()
			s.Set("v", 1)
		}, calls: "Create", cookie: "new", data: `{"v":1}`},

		{name: "flushed", handler: func(s *ginsession.Session) { _ = s.Flush() }, calls: "Delete", cookie: "deleted", data: " "},
		{name: "read and flushed", handler: func(s *ginsession.Session) {
			s.Get("v")
			_ = s.Flush()
		}, calls: "Load Delete", cookie: "deleted", data: " "},
		{name: "modified and flushed", handler: func(s *ginsession.Session) {
			s.Set("v", 2)
			_ = s.Flush()
		}, calls: "Load Delete", cookie: "deleted", data: " "},
		{name: "cycled and flushed", handler: func(s *ginsession.Session) {
			_ = s.CycleKey()
			_ = s.Flush()
		}, calls: "Load Delete", cookie: "deleted", data: " "},
		{name: "flushed, no cookie", fresh: true, handler: func(s *ginsession.Session) { _ = s.Flush() }},
		{name: "modified and flushed, no cookie", fresh: true, handler: func(s *ginsession.Session) {
			s.Set("v", 1)
			_ = s.Flush()
		}},
		{name: "flushed, then set", handler: func(s *ginsession.Session) {
			_ = s.Flush()
			s.Set("v", 2)
		}, calls: "Delete Create", cookie: "new", data: `{"v":2}`},

		{name: "modified, 404", status: 404, handler: func(s *ginsession.Session) { s.Set("v", 2) },
			calls: "Load Update", cookie: "same", data: `{"list":[1],"v":2}`},
		{name: "modified, 500", status: 500, handler: func(s *ginsession.Session) { s.Set("v", 2) }, calls: "Load"},
		{name: "new and modified, 503", fresh: true, status: 503, handler: func(s *ginsession.Session) { s.Set("v", 1) }},
		{name: "cycled, 500", status: 500, handler: func(s *ginsession.Session) { _ = s.CycleKey() }, calls: "Load"},
		{name: "flushed, 500", status: 500, handler: func(s *ginsession.Session) { _ = s.Flush() },
			calls: "Delete", cookie: "deleted", data: " "},
		{name: "flushed, then set, 500", status: 500, handler: func(s *ginsession.Session) {
			_ = s.Flush()
			s.Set("v", 2)
		}, calls: "Delete", cookie: "deleted", data: " "},
		{name: "untouched, 500, SaveEveryRequest", cfg: everyRequest, status: 500, handler: func(*ginsession.Session) {}, calls: "Load"},

		{name: "untouched, SaveEveryRequest", cfg: everyRequest, later: time.Minute, handler: func(*ginsession.Session) {},
			calls: "Load Touch", cookie: "same"},
		{name: "untouched in the same second, SaveEveryRequest", cfg: everyRequest, handler: func(*ginsession.Session) {},
			calls: "Load Touch", cookie: "same"},
		{name: "untouched, no cookie, SaveEveryRequest", cfg: everyRequest, fresh: true, handler: func(*ginsession.Session) {}},
		{name: "read, SaveEveryRequest", cfg: everyRequest, later: time.Minute, handler: func(s *ginsession.Session) { s.Get("v") },
			calls: "Load Touch", cookie: "same"},
		{name: "modified, SaveEveryRequest", cfg: everyRequest, later: time.Minute, handler: func(s *ginsession.Session) { s.Set("v", 1) },
			calls: "Load Update", cookie: "same"},

		{name: "untouched, RenewAfter, not due", cfg: renew, later: week - time.Second, handler: func(*ginsession.Session) {},
			calls: "Load"},
		{name: "untouched, RenewAfter, due", cfg: renew, later: week, handler: func(*ginsession.Session) {},
			calls: "Load Touch", cookie: "same"},
		{name: "modified, RenewAfter, due", cfg: renew, later: week, handler: func(s *ginsession.Session) { s.Set("v", 1) },
			calls: "Load Update", cookie: "same"},

		{name: "read, expired", later: 2 * week, handler: func(s *ginsession.Session) { s.Get("v") }, calls: "Load"},
		{name: "modified, expired", later: 2 * week, handler: func(s *ginsession.Session) { s.Set("v", 2) },
			calls: "Load Create", cookie: "new", data: `{"list":[1],"v":1} {"v":2}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			site := testsite.New(t, testsite.Setup{Config: tt.cfg, Routes: func(r *gin.Engine) {
				r.POST("/seed", func(c *gin.Context) { ginsession.Get(c).Update(map[string]any{"list": []int{1}, "v": 1}) })
				r.POST("/", func(c *gin.Context) {
					tt.handler(ginsession.Get(c))
					c.Status(max(tt.status, http.StatusOK))
				})
			}})
			v := site.Visitor()
			if !tt.fresh {
				v.Post("/seed")
			}
			key, data := v.Key(), site.Data()
			site.Clock.Advance(tt.later)
			site.Calls()

			reply := v.Post("/")

			if calls := site.Calls(); calls != tt.calls {
				t.Errorf("store calls %q, want %q", calls, tt.calls)
			}
			if vary := reply.Header.Get("Vary"); vary != "Cookie" {
				t.Errorf("Vary: %q", vary)
			}
			if got := setCookieKind(reply.SessionCookie(), key); got != tt.cookie {
				t.Errorf("cookie %q, want %q: %q", got, tt.cookie, reply.Header["Set-Cookie"])
			}
			if got := reply.Header.Get("Cache-Control"); got == "private" != (tt.cookie != "") {
				t.Errorf("Cache-Control: %q", got)
			}
			want := data
			if tt.data != "" {
				want = strings.TrimSpace(tt.data)
			}
			if got := site.Data(); !sameRecords(got, want) {
				t.Errorf("stored %q, want %q", got, want)
			}
			if log := site.Log.String(); log != "" {
				t.Errorf("logged: %s", log)
			}
		})
	}
}

// setCookieKind says what a response does to a cookie whose value was key.
func setCookieKind(c *http.Cookie, key string) string {
	switch {
	case c == nil:
		return ""
	case c.MaxAge < 0 && c.Value == "":
		return "deleted"
	case c.Value == key:
		return "same"
	default:
		return "new"
	}
}

// sameRecords compares joined records in whatever order.
func sameRecords(a, b string) bool {
	as, bs := strings.Fields(a), strings.Fields(b)
	slices.Sort(as)
	slices.Sort(bs)
	return slices.Equal(as, bs)
}
