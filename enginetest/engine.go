package enginetest

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// Engine tests, through requests to a site of two nodes, that sessions over an engine are what this
// module promises, each rule in a subtest:
//
//	func TestMyEngine(t *testing.T) {
//		enginetest.Engine(t, func(t *testing.T) ginsession.Engine {
//			return ginsession.Custom(mystore.New(t.TempDir()))
//		})
//	}
//
// newEngine is called once for each subtest, and once before; nobody else uses that engine's
// sessions meanwhile. An engine that keeps nothing on the server, such as ginsession.SignedCookies, is
// tested for what it can do. Prove a [ginsession.Store] with [Store] first: what fails there is
// easier to understand.
func Engine(t *testing.T, newEngine func(t *testing.T) ginsession.Engine) {
	type rule struct {
		name  string
		check func(*engineTest)
	}
	rules := []rule{
		{"a session that is not used leaves no trace", (*engineTest).unused},
		{"what is set is there in the next request", (*engineTest).remembers},
		{"what is deleted is gone in the next request", (*engineTest).forgets},
		{"a response that failed saves nothing", (*engineTest).failed},
		{"flush ends the session and deletes the cookie", (*engineTest).flush},
		{"cycle key keeps the data", (*engineTest).cycle},
		{"a cookie that nobody was given is nobody's session", (*engineTest).unknown},
		{"a session ends with its expiry", (*engineTest).expiry},
		{"a session that is extended lives on", (*engineTest).extended},
		{"any sequence of requests does what it does to a map", (*engineTest).model},
	}
	if !newEngineTest(t, newEngine(t)).stateless() {
		rules = append(rules, []rule{
			{"what one node writes another reads at once", (*engineTest).twoNodes},
			{"the key of an ended session opens nothing", (*engineTest).ended},
			{"a request that outlives its session revives nothing", (*engineTest).outlived},
			{"a sign-in that is sent twice revives nothing", (*engineTest).signedInTwice},
			{"requests at once lose nothing of each other's", (*engineTest).atOnce},
			{"no concurrent Modify is lost", (*engineTest).modify},
			{"one of many concurrent Claims gets the value", (*engineTest).claim},
			{"a sign-out among many requests stays", (*engineTest).signOutAmongMany},
			{"sessions are kept outside requests too", (*engineTest).outside},
			{"clearing leaves what lives", (*engineTest).clear},
		}...)
	}
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) { rule.check(newEngineTest(t, newEngine(t))) })
	}
}

// stateless reports whether the engine keeps sessions in their cookies.
func (t *engineTest) stateless() bool {
	_, err := t.nodes[0].Exists(t.Context(), newKey())
	return errors.Is(err, errors.ErrUnsupported)
}

func (t *engineTest) unused() {
	v := t.visitor()
	v.visits(func(*ginsession.Session) {}).wantCookie(t, false, "of a request without use of the session")
	v.visits(func(s *ginsession.Session) { s.Get("a"); s.Len() }).wantCookie(t, false, "of a request that read a session")
	v.want(data{}, "of a visitor who set nothing")
}

func (t *engineTest) remembers() {
	values := data{
		"bool": true, "int": int64(-3), "float": 1.5, "whole float": 2.0, "nil": nil,
		"text":     "é😀 \x00\x1f\"'`\\/<>&?%$\u2028",
		"list":     []any{int64(1), "two", []any{}, nil},
		"map":      map[string]any{"a": map[string]any{"b": int64(1)}},
		"_private": "", "": "no name", "näme": int64(9007199254740993),
	}
	v := t.visitor()
	v.visits(func(s *ginsession.Session) { s.Update(values) }).wantCookie(t, true, "of a new session")
	v.want(values, "after Update")
	v.visits(func(s *ginsession.Session) { s.Set("int", 4) }).wantCookie(t, true, "of a changed session")
	values["int"] = int64(4)
	v.want(values, "after Set")
	v.visits(func(s *ginsession.Session) { s.Get("list").([]any)[1] = "three" })
	values["list"] = []any{int64(1), "three", []any{}, nil}
	v.want(values, "after a change inside a list")
}

func (t *engineTest) forgets() {
	v := t.visitor()
	v.visits(func(s *ginsession.Session) { s.Update(data{"a": 1, "b": 2, "c": 3}) })
	v.visits(func(s *ginsession.Session) { _ = s.Delete("a") })
	v.want(data{"b": int64(2), "c": int64(3)}, "after Delete")
	v.visits(func(s *ginsession.Session) { s.Pop("b") })
	v.want(data{"c": int64(3)}, "after Pop")
	v.visits(func(s *ginsession.Session) { s.Clear(); s.Set("d", 4) })
	v.want(data{"d": int64(4)}, "after Clear and Set")
	v.visits((*ginsession.Session).Clear).wantCookie(t, true, "of a session that was emptied but not flushed")
	v.want(data{}, "after Clear")
}

func (t *engineTest) failed() {
	v := t.visitor()
	fail := func(c *gin.Context, s *ginsession.Session) {
		s.Set("a", 2)
		c.Status(http.StatusInternalServerError)
	}
	v.request(0, http.MethodPost, fail).wantCookie(t, false, "of a response that failed")
	v.want(data{}, "after a response that failed")
	v.visits(func(s *ginsession.Session) { s.Set("a", 1) })
	v.request(0, http.MethodPost, fail)
	v.want(data{"a": int64(1)}, "after a response that failed")
}

func (t *engineTest) flush() {
	v := t.visitor()
	v.visits(t.flushing).wantCookie(t, false, "of a visitor without a session who flushes")
	v.visits(func(s *ginsession.Session) { s.Set("a", 1) })
	if r := v.visits(t.flushing); r.cookie == nil || r.cookie.MaxAge >= 0 || r.cookie.Value != "" {
		t.Errorf("the cookie after Flush is %v; want its deletion", r.cookie)
	}
	v.want(data{}, "after Flush")
	v.visits(func(s *ginsession.Session) { s.Set("b", 2) })
	v.visits(func(s *ginsession.Session) { t.flushing(s); s.Set("c", 3) }).wantCookie(t, true, "after Flush and Set")
	v.want(data{"c": int64(3)}, "after Flush and Set in one request")
}

func (t *engineTest) flushing(s *ginsession.Session) {
	if err := s.Flush(); err != nil {
		t.Errorf("Flush: %v", err)
	}
}

func (t *engineTest) cycling(s *ginsession.Session) {
	if err := s.CycleKey(); err != nil {
		t.Errorf("CycleKey: %v", err)
	}
}

func (t *engineTest) cycle() {
	v := t.visitor()
	v.visits(func(s *ginsession.Session) { s.Set("a", 1) })
	v.visits(func(s *ginsession.Session) { t.cycling(s); s.Set("b", 2) }).wantCookie(t, true, "after CycleKey and Set")
	v.want(data{"a": int64(1), "b": int64(2)}, "after CycleKey and Set")
	v.visits(t.cycling).wantCookie(t, true, "after CycleKey")
	v.want(data{"a": int64(1), "b": int64(2)}, "after CycleKey")
}

func (t *engineTest) unknown() {
	for _, value := range []string{
		newKey()[:32], newKey(), newKey()[:8], "", "short", "../../etc/passwd", `a"b`, "KEY-with_Signs",
		"eyJhIjoxfQ:1r31eq:KXjVkR_q2VRYWmPo8_G89_SR_tGkt9C9QM00-WaU3g4", strings.Repeat("k", 3000),
	} {
		v := t.visitorWith(value)
		v.want(data{}, "of a visitor with a cookie that nobody was given")
		r := v.visits(func(s *ginsession.Session) { s.Set("a", 1) })
		if r.wantCookie(t, true, "of a new session"); r.cookie != nil && r.cookie.Value == value {
			t.Errorf("the cookie %.40q, which nobody was given, was adopted", value)
		}
		v.want(data{"a": int64(1)}, "after Set")
	}
}

func (t *engineTest) expiry() {
	const age = 14 * 24 * time.Hour // the default
	for name, expiry := range map[string]struct {
		set  func(*ginsession.Session)
		ends time.Duration
	}{
		"the default expiry":   {func(*ginsession.Session) {}, age},
		"ExpireAfter":          {func(s *ginsession.Session) { s.SetExpiry(ginsession.ExpireAfter(3 * time.Hour)) }, 3 * time.Hour},
		"a long ExpireAfter":   {func(s *ginsession.Session) { s.SetExpiry(ginsession.ExpireAfter(9 * age)) }, 9 * age},
		"ExpireAt":             {func(s *ginsession.Session) { s.SetExpiry(ginsession.ExpireAt(t.now().Add(5 * time.Hour))) }, 5 * time.Hour},
		"ExpireAtBrowserClose": {func(s *ginsession.Session) { s.SetExpiry(ginsession.ExpireAtBrowserClose) }, age},
	} {
		v := t.visitor()
		v.visits(func(s *ginsession.Session) { s.Set("a", 1); expiry.set(s) })
		t.advance(expiry.ends - time.Second)
		v.wantValue(int64(1), "a second before the end, with "+name)
		t.advance(time.Second)
		v.want(data{}, "at the end, with "+name)
		v.visits(func(s *ginsession.Session) { s.Set("b", 1) })
		v.want(data{"b": int64(1)}, "of a session that was begun after the end of another")
	}
	v := t.visitor()
	v.visits(func(s *ginsession.Session) { s.Set("a", 1) })
	t.advance(age - time.Hour)
	v.visits(func(s *ginsession.Session) { s.Set("a", 2) })
	t.advance(age - time.Hour)
	v.wantValue(int64(2), "of a session that was changed shortly before its end")
}

func (t *engineTest) extended() {
	every := t.with(func(cfg *ginsession.Config) { cfg.SaveEveryRequest = true })
	renew := t.with(func(cfg *ginsession.Config) { cfg.RenewAfter = time.Hour })
	for name, site := range map[string]*engineTest{"SaveEveryRequest": every, "RenewAfter": renew} {
		v := site.visitor()
		v.visits(func(s *ginsession.Session) { s.Set("a", 1) })
		for range 3 {
			t.advance(10 * 24 * time.Hour)
			v.visits(func(*ginsession.Session) {}).wantCookie(t, true, "of a request with "+name)
		}
		reader := t.visitorWith(v.cookie()) // whose requests extend nothing
		t.advance(14*24*time.Hour - time.Second)
		reader.wantValue(int64(1), "that was extended by "+name)
		t.advance(time.Second)
		reader.want(data{}, "that is not extended any more by "+name)
	}
}
