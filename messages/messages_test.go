package messages_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memory"
	"github.com/ginsession/ginsession/messages"
)

const secretKey = "ginsession-test-secret"

func check[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %#v, want %#v", what, got, want)
	}
}

func newManager(t *testing.T, cfg ginsession.Config) *ginsession.Manager {
	t.Helper()
	m, err := ginsession.NewManager(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func inMemory(t *testing.T) *ginsession.Manager {
	t.Helper()
	return newManager(t, ginsession.Config{Engine: ginsession.Cached(memory.New())})
}

func add(t *testing.T, s *ginsession.Session, level messages.Level, text string, tags ...string) {
	t.Helper()
	if err := messages.Add(s, level, text, tags...); err != nil {
		t.Fatal("Add:", err)
	}
}

// save returns the session's key.
func save(t *testing.T, s *ginsession.Session) string {
	t.Helper()
	if err := s.Save(); err != nil {
		t.Fatal("Save:", err)
	}
	return s.Key()
}

// saved returns the key of a new session with a message for each text.
func saved(t *testing.T, m *ginsession.Manager, texts ...string) string {
	t.Helper()
	s := m.Open(t.Context(), "")
	for _, text := range texts {
		add(t, s, messages.Info, text)
	}
	return save(t, s)
}

// texts takes the messages and returns what they say.
func texts(s *ginsession.Session) string {
	var all []string
	for _, m := range messages.Take(s) {
		all = append(all, m.Text)
	}
	return strings.Join(all, "|")
}

// engines are what messages behave alike on.
func engines(t *testing.T) map[string]*ginsession.Manager {
	t.Helper()
	return map[string]*ginsession.Manager{
		"cached":         inMemory(t),
		"file":           newManager(t, ginsession.Config{Engine: ginsession.File(t.TempDir())}),
		"signed cookies": newManager(t, ginsession.Config{Engine: ginsession.SignedCookies(), SecretKey: secretKey}),
		"gob":            newManager(t, ginsession.Config{Engine: ginsession.Cached(memory.New()), Serializer: ginsession.Gob}),
	}
}

// TestOnce shows each message once, in the next request.
func TestOnce(t *testing.T) {
	for name, m := range engines(t) {
		t.Run(name, func(t *testing.T) {
			s := m.Open(t.Context(), "")
			add(t, s, messages.Success, "Saved.")
			add(t, s, messages.Error, "<b>hé😀\"\\</b>\u2028", "big", "red")
			key := save(t, s)

			s = m.Open(t.Context(), key)
			check(t, "Take", messages.Take(s), []messages.Message{
				{Level: messages.Success, Text: "Saved."},
				{Level: messages.Error, Text: "<b>hé😀\"\\</b>\u2028", Tags: []string{"big", "red"}},
			})
			check(t, "Take again", messages.Take(s), nil)
			key = save(t, s)

			s = m.Open(t.Context(), key)
			check(t, "Take in the next request", messages.Take(s), nil)
			check(t, "modified", s.Modified(), false)
			add(t, s, messages.Info, "again")
			key = save(t, s)
			check(t, "texts", texts(m.Open(t.Context(), key)), "again")
		})
	}
}

// TestNothingToKeep makes no session for a message that was shown in the request that added it.
func TestNothingToKeep(t *testing.T) {
	for name, m := range engines(t) {
		t.Run(name, func(t *testing.T) {
			s := m.Open(t.Context(), "")
			check(t, "Take of a new session", messages.Take(s), nil)
			add(t, s, messages.Info, "")
			check(t, "modified", s.Modified(), false)
			add(t, s, messages.Info, "one")
			check(t, "texts", texts(s), "one")
			check(t, "empty", s.IsEmpty(), true)
		})
	}
}

// TestBytes checks what is stored: what Django's SessionStorage writes.
func TestBytes(t *testing.T) {
	s := inMemory(t).Open(t.Context(), "")
	add(t, s, messages.Success, "Saved.")
	add(t, s, messages.Level(35), "hé😀 \"</\x7f", "a", "b c")
	const want = `[["__json_message", 0, 25, "Saved."], ` +
		`["__json_message", 0, 35, "h\u00e9\ud83d\ude00 \"</\u007f", "a b c"]]`
	check(t, "the value", s.Get("_messages"), any(want))
}

// TestElements takes the messages of a list, and leaves all else as it is, to the byte.
func TestElements(t *testing.T) {
	for _, test := range []struct {
		list string
		want []messages.Message
		rest string
	}{
		{``, nil, ``},
		{`[]`, nil, `[]`},
		{`null`, nil, `null`},
		{`[ ["__json_message",0,20,"x"] ]`, []messages.Message{{Level: 20, Text: "x"}}, `[]`},
		{`[["__json_message", 1, 20, "<b>x</b>", ""]]`, []messages.Message{{Level: 20, Text: "<b>x</b>", HTML: true}}, `[]`},
		{`[["__json_message", 0, 20, "x", "a  b"]]`, []messages.Message{{Level: 20, Text: "x", Tags: []string{"a", "b"}}}, `[]`},
		{`[["__json_message", 0, 20, "x", null]]`, []messages.Message{{Level: 20, Text: "x"}}, `[]`},
		{`[1.0, ["__json_message", 0, 20, "x"], "\ud800"]`, []messages.Message{{Level: 20, Text: "x"}}, `[1.0, "\ud800"]`},
		{`[["other", 0, 20, "x"]]`, nil, `[["other", 0, 20, "x"]]`},
		{`[["__json_message", 0, 20]]`, nil, `[["__json_message", 0, 20]]`},
		{`[["__json_message", 0, "20", "x"]]`, nil, `[["__json_message", 0, "20", "x"]]`},
	} {
		s := inMemory(t).Open(t.Context(), "")
		s.Set("_messages", test.list)
		save(t, s)
		check(t, "Take of "+test.list, messages.Take(s), test.want)
		check(t, "the rest of "+test.list, s.Get("_messages"), any(test.rest))
	}
}

// TestConcurrently has a request that takes or adds, while another does something and saves first.
func TestConcurrently(t *testing.T) {
	take := func(_ *testing.T, s *ginsession.Session) { messages.Take(s) }
	adds := func(text string) func(*testing.T, *ginsession.Session) {
		return func(t *testing.T, s *ginsession.Session) { add(t, s, messages.Info, text) }
	}
	both := func(t *testing.T, s *ginsession.Session) { take(t, s); adds("mine")(t, s) }
	for _, test := range []struct {
		name        string
		here, there func(*testing.T, *ginsession.Session)
		want        string
	}{
		{"take, other adds", take, adds("theirs"), "theirs"},
		{"take, other adds the same", take, adds("one"), "one"},
		{"add, other adds", adds("mine"), adds("theirs"), "one|two|theirs|mine"},
		{"add, other takes", adds("mine"), take, "mine"},
		{"take, other takes", take, take, ""},
		{"take and add, other adds", both, adds("theirs"), "theirs|mine"},
		{"take and add, other takes and adds", both, both, "mine|mine"},
		{"add, other deletes", adds("mine"), func(_ *testing.T, s *ginsession.Session) { s.Pop("_messages") }, "mine"},
		{"take, other deletes", take, func(_ *testing.T, s *ginsession.Session) { s.Pop("_messages") }, ""},
		{"add, other leaves junk", adds("mine"), func(_ *testing.T, s *ginsession.Session) { s.Set("_messages", "junk") }, "mine"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := inMemory(t)
			key := saved(t, m, "one", "two")
			s := m.Open(t.Context(), key)
			test.here(t, s)
			other := m.Open(t.Context(), key)
			test.there(t, other)
			save(t, other)
			save(t, s)
			check(t, "texts", texts(m.Open(t.Context(), key)), test.want)
		})
	}
}

// TestErrors adds what cannot be kept.
func TestErrors(t *testing.T) {
	for name, m := range engines(t) {
		t.Run(name, func(t *testing.T) {
			s := m.Open(t.Context(), "")
			err := messages.Add(s, messages.Info, "\xff")
			check(t, "Add of what is not UTF-8 is ErrEncode", errors.Is(err, ginsession.ErrEncode), true)
			err = messages.Add(s, messages.Info, "x", "\xff")
			check(t, "Add of such a tag is ErrEncode", errors.Is(err, ginsession.ErrEncode), true)
			for _, value := range []any{"junk", []any{int64(1), "x"}, int64(1)} {
				s := m.Open(t.Context(), "")
				if name == "gob" && reflect.TypeOf(value).Kind() == reflect.Slice {
					continue
				}
				s.Set("_messages", value)
				s = m.Open(t.Context(), save(t, s))
				err := messages.Add(s, messages.Info, "x")
				if err == nil || !strings.Contains(err.Error(), `"_messages" is not a list`) {
					t.Errorf("Add to %v: %v", value, err)
				}
				check(t, "Take", messages.Take(s), nil)
				check(t, "modified", s.Modified(), false)
				check(t, "the value", s.Get("_messages"), value)
			}
		})
	}
}

// TestOtherSerializer leaves a value alone that the manager's serializer cannot decode.
func TestOtherSerializer(t *testing.T) {
	cache := memory.New()
	for name, engine := range map[string]ginsession.Engine{
		"cached": ginsession.Cached(cache), "signed cookies": ginsession.SignedCookies(),
	} {
		t.Run(name, func(t *testing.T) {
			key := saved(t, newManager(t, ginsession.Config{Engine: engine, SecretKey: secretKey}), "x")
			m := newManager(t, ginsession.Config{Engine: engine, SecretKey: secretKey, Serializer: ginsession.Gob})
			s := m.Open(t.Context(), key)
			check(t, "Add fails", messages.Add(s, messages.Info, "y") != nil, true)
			check(t, "Take", messages.Take(s), nil)
			check(t, "modified", s.Modified(), false)
			check(t, "has the value", s.Has("_messages"), true)
		})
	}
}

// failing is a cache that fails.
type failing struct{ ginsession.Cache }

var errDown = errors.New("the cache is down")

func (failing) Get(context.Context, string) ([]byte, bool, error) { return nil, false, errDown }

// TestUnavailable reports a session that cannot be loaded.
func TestUnavailable(t *testing.T) {
	m := newManager(t, ginsession.Config{Engine: ginsession.Cached(failing{memory.New()})})
	s := m.Open(t.Context(), strings.Repeat("k", 32))
	err := messages.Add(s, messages.Info, "x")
	check(t, "Add is ErrUnavailable", errors.Is(err, ginsession.ErrUnavailable), true)
	check(t, "Take", messages.Take(s), nil)
	check(t, "Err is ErrUnavailable", errors.Is(s.Err(), ginsession.ErrUnavailable), true)
}

// TestAfterSignOut keeps a message for a visitor whose session the request has ended.
func TestAfterSignOut(t *testing.T) {
	m := inMemory(t)
	s := m.Open(t.Context(), saved(t, m, "old"))
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	add(t, s, messages.Info, "You are signed out.")
	check(t, "texts", texts(m.Open(t.Context(), save(t, s))), "You are signed out.")
}

// TestGoroutines adds and takes from many goroutines of one request.
func TestGoroutines(t *testing.T) {
	for name, m := range engines(t) {
		t.Run(name, func(t *testing.T) {
			takeFromMany(t, m.Open(t.Context(), saved(t, m, "x")), 1)
			takeFromMany(t, m.Open(t.Context(), ""), 0)
		})
	}
}

// takeFromMany checks that every message is taken once from a session that has some already.
func takeFromMany(t *testing.T, s *ginsession.Session, before int) {
	const n = 20
	counts := make(chan int)
	for range n {
		go func() {
			if err := messages.Add(s, messages.Info, "x"); err != nil {
				t.Error(err)
			}
			counts <- len(messages.Take(s))
		}()
	}
	sum := 0
	for range n {
		sum += <-counts
	}
	check(t, "messages taken", sum, before+n)
}

func TestLevelNames(t *testing.T) {
	var names []string
	for _, level := range []messages.Level{messages.Debug, messages.Info, messages.Success, messages.Warning, messages.Error, 35} {
		names = append(names, level.String())
	}
	check(t, "names", strings.Join(names, " "), "debug info success warning error 35")
}

// FuzzTake checks that no stored text makes Take panic, that what it did not return stays, and that
// Add either adds or reports an error.
func FuzzTake(f *testing.F) {
	f.Add(`[["__json_message", 0, 25, "Saved.", "a b"], ["__json_message", 1, 20, "\ud800"]]`)
	f.Add(`[[], {}, NaN]`)
	m, err := ginsession.NewManager(ginsession.Config{
		Engine: ginsession.Cached(memory.New()),
		Clock:  func() time.Time { return time.Unix(1700000000, 0) },
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := m.Open(t.Context(), "")
		s.Set("_messages", text)
		taken := messages.Take(s)
		if len(taken) == 0 {
			check(t, "what is left", s.Get("_messages"), any(text))
		}
		check(t, "Take again", messages.Take(s), nil)
		want := []messages.Message{{Level: messages.Info, Text: "x"}}
		if messages.Add(s, messages.Info, "x") != nil {
			want = nil
		}
		check(t, "Take after Add", messages.Take(s), want)
	})
}
