package ginsession_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ginsession/ginsession"
)

func TestModify(t *testing.T) {
	d := newDesk(t)
	key := d.saved(t, map[string]any{"n": 1, "text": "x"})
	s := d.session(t, key)
	n, err := ginsession.Modify(s, "n", func(old int, ok bool) int {
		check(t, "the old value", []any{old, ok}, []any{1, true})
		return old + 1
	})
	check(t, "Modify", []any{n, err}, []any{2, error(nil)})
	check(t, "Get", s.Get("n"), int64(2))
	n, err = ginsession.Modify(s, "n", func(old int, _ bool) int { return old * 10 })
	check(t, "Modify again", []any{n, err}, []any{20, error(nil)})
	text, err := ginsession.Modify(s, "absent", func(old string, ok bool) string {
		check(t, "the old value of an absent key", []any{old, ok}, []any{"", false})
		return old + "new"
	})
	check(t, "Modify of an absent key", []any{text, err}, []any{"new", error(nil)})
	check(t, "the record before the save", d.store.Text(key), `{"n":1,"text":"x"}`)
	save(t, s)
	check(t, "the record", d.store.Text(key), `{"n":20,"text":"x","absent":"new"}`)
	check(t, "Items", s.Items(), map[string]any{"n": int64(20), "text": "x", "absent": "new"})
	save(t, s)
	check(t, "the record after another save", d.store.Text(key), `{"n":20,"text":"x","absent":"new"}`)
}

// If another request saved first, Modify runs again on what that has stored.
func TestModifyRunsAgain(t *testing.T) {
	d := newDesk(t)
	key := d.saved(t, map[string]any{"n": 1})
	s := d.session(t, key)
	var seen []int
	n, _ := ginsession.Modify(s, "n", func(old int, _ bool) int {
		seen = append(seen, old)
		return old + 1
	})
	check(t, "the provisional result", n, 2)
	d.somebodyElse(t, key, func(s *ginsession.Session) { s.Set("n", 100) })
	save(t, s)
	check(t, "the record", d.store.Text(key), `{"n":101}`)
	check(t, "Get after the save", s.Get("n"), int64(101))
	check(t, "the last value seen", seen[len(seen)-1], 100)

	// Nothing of it runs at a later save.
	runs := len(seen)
	s.Set("other", 1)
	d.somebodyElse(t, key, func(s *ginsession.Session) { s.Set("n", 200) })
	save(t, s)
	check(t, "runs at a later save", len(seen)-runs, 0)
	check(t, "the record", d.store.Text(key), `{"n":200,"other":1}`)
}

// Modify beside the other operations on one key, with another request that saves n = 100 in
// between.
func TestModifyAmongOthers(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(s *ginsession.Session)
		want string
	}{
		{"Set, Modify", func(s *ginsession.Session) { s.Set("n", 10); modifyInt(s, "n") }, `{"n":11}`},
		{"Modify, Set", func(s *ginsession.Session) { modifyInt(s, "n"); s.Set("n", 10) }, `{"n":10}`},
		{"Modify, Set, Modify", func(s *ginsession.Session) { modifyInt(s, "n"); s.Set("n", 10); modifyInt(s, "n") }, `{"n":11}`},
		{"Modify, Delete", func(s *ginsession.Session) { modifyInt(s, "n"); _ = s.Delete("n") }, `{}`},
		{"Modify, Pop", func(s *ginsession.Session) { modifyInt(s, "n"); s.Pop("n") }, `{}`},
		{"Modify, Claim", func(s *ginsession.Session) { modifyInt(s, "n"); _, _, _ = ginsession.Claim[int](s, "n") }, `{}`},
		{"Delete, Modify", func(s *ginsession.Session) { _ = s.Delete("n"); modifyInt(s, "n") }, `{"n":1}`},
		{"Pop, Modify", func(s *ginsession.Session) { s.Pop("n"); modifyInt(s, "n") }, `{"n":1}`},
		{"Modify, Clear", func(s *ginsession.Session) { modifyInt(s, "n"); s.Clear() }, `{}`},
		{"Clear, Modify", func(s *ginsession.Session) { s.Clear(); modifyInt(s, "n") }, `{"n":1}`},
		{"Modify twice", func(s *ginsession.Session) { modifyInt(s, "n"); modifyInt(s, "n") }, `{"n":102}`},
		{"Modify of two keys", func(s *ginsession.Session) { modifyInt(s, "n"); modifyInt(s, "m") }, `{"n":101,"m":1}`},
		{"SetDefault, Modify", func(s *ginsession.Session) { s.SetDefault("n", 5); modifyInt(s, "n") }, `{"n":101}`},
		{"Modify, SetDefault", func(s *ginsession.Session) { modifyInt(s, "n"); s.SetDefault("n", 5) }, `{"n":101}`},
		{"CycleKey, Modify", func(s *ginsession.Session) { _ = s.CycleKey(); modifyInt(s, "n") }, `{"n":101}`},
		{"Modify, CycleKey, Modify", func(s *ginsession.Session) { modifyInt(s, "n"); _ = s.CycleKey(); modifyInt(s, "n") }, `{"n":102}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDesk(t)
			key := d.saved(t, map[string]any{"n": 1})
			s := d.session(t, key)
			if err := s.Load(); err != nil {
				t.Fatal(err)
			}
			d.somebodyElse(t, key, func(s *ginsession.Session) { s.Set("n", 100) })
			test.do(s)
			save(t, s)
			check(t, "the record", d.store.Text(s.Key()), test.want)
			check(t, "Keys", s.Keys(), d.session(t, s.Key()).Keys())
		})
	}
}

// Modify may change a map in place: it gets one of its own at each run.
func TestModifyOfAMap(t *testing.T) {
	d := newDesk(t)
	key := d.saved(t, map[string]any{"m": map[string]int{"a": 1}})
	s := d.session(t, key)
	got := s.Get("m")
	_, err := ginsession.Modify(s, "m", func(m map[string]int, _ bool) map[string]int {
		m["a"]++
		return m
	})
	check(t, "Modify", err, error(nil))
	check(t, "the map from before", got, any(map[string]any{"a": int64(1)}))
	d.somebodyElse(t, key, func(s *ginsession.Session) { s.Get("m").(map[string]any)["b"] = 5 })
	save(t, s)
	check(t, "the record", d.store.Text(key), `{"m":{"a":2,"b":5}}`)
}

// A map that was set both before and after CycleKey, and then modified, is saved once.
func TestModifyAfterCycleKeyIsSavedOnce(t *testing.T) {
	d := newDesk(t)
	key := d.saved(t, map[string]any{"a": 1})
	s := d.session(t, key)
	s.Set("m", map[string]int{"a": 1})
	_ = s.CycleKey()
	_, _ = ginsession.Modify(s, "m", func(map[string]int, bool) map[string]int { return map[string]int{"a": 2} })
	save(t, s)
	d.somebodyElse(t, s.Key(), func(s *ginsession.Session) { s.Set("m", "theirs") })
	save(t, s)
	check(t, "the record", d.store.Text(s.Key()), `{"a":1,"m":"theirs"}`)
}

// A map that Modify has left as it was is saved as any other when it is changed later.
func TestModifyThatChangesNothing(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, d.saved(t, map[string]any{"m": map[string]any{"a": 1}}))
	_, _ = ginsession.Modify(s, "m", func(m map[string]any, _ bool) map[string]any { return m })
	save(t, s)
	s.Get("m").(map[string]any)["b"] = 2
	save(t, s)
	check(t, "the record", d.store.Text(s.Key()), `{"m":{"a":1,"b":2}}`)
}

// A stored value that is no T is an error, and nothing is recorded.
func TestModifyOfAnotherType(t *testing.T) {
	d := newDesk(t)
	key := d.saved(t, map[string]any{"n": "text"})
	s := d.session(t, key)
	_, err := ginsession.Modify(s, "n", func(int, bool) int { t.Error("it ran"); return 1 })
	if err == nil || !strings.Contains(err.Error(), `"n"`) {
		t.Errorf("Modify: %v, want an error that names the key", err)
	}
	check(t, "Modified", s.Modified(), false)
	check(t, "Get", s.Get("n"), "text")

	// Nor is anything saved if another request has stored one meanwhile.
	s.Set("n", 1)
	save(t, s)
	w := newSiteWith(t, d)
	v := w.visitor(t)
	v.setKey(key)
	r := v.post(func(s *ginsession.Session) {
		modifyInt(s, "n")
		s.Set("other", 1)
		d.somebodyElse(t, key, func(s *ginsession.Session) { s.Set("n", "text again") })
	})
	check(t, "status", r.StatusCode, http.StatusInternalServerError)
	check(t, "Set-Cookie", r.Header.Values("Set-Cookie"), []string(nil))
	check(t, "the record", d.store.Text(key), `{"n":"text again"}`)
}

// Of requests that modify one key at once, none is lost.
func TestConcurrentModify(t *testing.T) {
	db := openSQLite(t)
	if err := ginsession.Migrate(db); err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, func(cfg *ginsession.Config) { cfg.Engine = ginsession.DB(db) })
	key := d.saved(t, map[string]any{"n": 0})
	inParallel(8, func(i int) {
		for range 5 {
			s := d.session(t, key)
			modifyInt(s, "n")
			s.Set(fmt.Sprint("own ", i), i)
			if err := s.Save(); err != nil {
				t.Error("Save:", err)
			}
		}
	})
	check(t, "n", d.session(t, key).Get("n"), int64(40))
	check(t, "Len", d.session(t, key).Len(), 9)
}

func inParallel(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

func TestClaim(t *testing.T) {
	d := newDesk(t)
	key := d.saved(t, map[string]any{"token": "one-time", "a": 1})
	s := d.session(t, key)
	other := d.session(t, key)
	check(t, "Get of the other", other.Get("token"), "one-time")

	token, ok, err := ginsession.Claim[string](s, "token")
	check(t, "Claim", []any{token, ok, err}, []any{"one-time", true, error(nil)})
	check(t, "the record at once", d.store.Text(key), `{"a":1}`)
	check(t, "Has", s.Has("token"), false)
	token, ok, err = ginsession.Claim[string](s, "token")
	check(t, "Claim again", []any{token, ok, err}, []any{"", false, error(nil)})

	token, ok, err = ginsession.Claim[string](other, "token")
	check(t, "Claim of the other", []any{token, ok, err}, []any{"", false, error(nil)})
	check(t, "Has of the other", other.Has("token"), false)
	other.Set("b", 2)
	save(t, other)
	check(t, "the record", d.store.Text(key), `{"a":1,"b":2}`)
}

// A Claim saves nothing else, and loses nothing else.
func TestClaimAmongOthers(t *testing.T) {
	d := newDesk(t)
	key := d.saved(t, map[string]any{"token": 7, "a": 1, "m": map[string]any{}})
	s := d.session(t, key)
	s.Set("b", 2)
	_ = s.Delete("a")
	m := s.Get("m").(map[string]any)
	d.somebodyElse(t, key, func(s *ginsession.Session) { s.Set("theirs", 1) })
	_, ok, err := ginsession.Claim[int](s, "token")
	check(t, "Claim", []any{ok, err}, []any{true, error(nil)})
	check(t, "the record at once", d.store.Text(key), `{"a":1,"m":{},"theirs":1}`)
	check(t, "Keys", s.Keys(), []string{"b", "m", "theirs"})
	m["x"] = 1
	save(t, s)
	check(t, "the record", d.store.Text(key), `{"m":{"x":1},"theirs":1,"b":2}`)
}

func TestClaimOfWhatThisRequestHasSet(t *testing.T) {
	for name, do := range map[string]func(s *ginsession.Session){
		"Set":           func(s *ginsession.Session) { s.Set("token", 7) },
		"SetDefault":    func(s *ginsession.Session) { s.SetDefault("token", 7) },
		"Modify":        func(s *ginsession.Session) { _, _ = ginsession.Modify(s, "token", func(int, bool) int { return 7 }) },
		"Clear, Set":    func(s *ginsession.Session) { s.Clear(); s.Set("token", 7) },
		"Set, CycleKey": func(s *ginsession.Session) { s.Set("token", 7); _ = s.CycleKey() },
		"Set, Save":     func(s *ginsession.Session) { s.Set("token", 7); _ = s.Save() },
		"Flush, Set":    func(s *ginsession.Session) { _ = s.Flush(); s.Set("token", 7) },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			for _, key := range []string{"", d.saved(t, map[string]any{"a": 1})} {
				s := d.session(t, key)
				do(s)
				token, ok, err := ginsession.Claim[int](s, "token")
				check(t, "Claim", []any{token, ok, err}, []any{7, true, error(nil)})
				_, ok, err = ginsession.Claim[int](s, "token")
				check(t, "Claim again", []any{ok, err}, []any{false, error(nil)})
				save(t, s)
				check(t, "Has after the save", d.session(t, s.Key()).Has("token"), false)
			}
		})
	}
}

// What this request has removed is not there to be claimed.
func TestClaimOfWhatThisRequestHasRemoved(t *testing.T) {
	d := newDesk(t)
	for name, remove := range map[string]func(s *ginsession.Session){
		"Delete": func(s *ginsession.Session) { _ = s.Delete("token") },
		"Pop":    func(s *ginsession.Session) { s.Pop("token") },
		"Clear":  func(s *ginsession.Session) { s.Clear() },
		"Flush":  func(s *ginsession.Session) { _ = s.Flush() },
	} {
		s := d.session(t, d.saved(t, map[string]any{"token": 7}))
		remove(s)
		_, ok, err := ginsession.Claim[int](s, "token")
		check(t, "Claim after "+name, []any{ok, err}, []any{false, error(nil)})
	}
}

// A value that is no T stays where it is.
func TestClaimOfAnotherType(t *testing.T) {
	d := newDesk(t)
	key := d.saved(t, map[string]any{"token": "text"})
	s := d.session(t, key)
	n, ok, err := ginsession.Claim[int](s, "token")
	if n != 0 || ok || err == nil || !strings.Contains(err.Error(), `"token"`) {
		t.Errorf("Claim: %v, %v, %v, want an error that names the key", n, ok, err)
	}
	check(t, "the record", d.store.Text(key), `{"token":"text"}`)
	check(t, "Get", s.Get("token"), "text")
	check(t, "Modified", s.Modified(), false)

	s.Set("own", "text")
	if _, ok, err := ginsession.Claim[int](s, "own"); ok || err == nil {
		t.Errorf("Claim of an own value: %v, %v, want an error", ok, err)
	}
	check(t, "Get of the own value", s.Get("own"), "text")
}

func TestClaimOfAnEndedSession(t *testing.T) {
	d := newDesk(t)
	key := d.saved(t, map[string]any{"token": 7})
	s := d.session(t, key)
	s.Keys()
	check(t, "Delete", d.Delete(t.Context(), key), error(nil))
	n, ok, err := ginsession.Claim[int](s, "token")
	if n != 0 || ok || !errors.Is(err, ginsession.ErrInterrupted) {
		t.Errorf("Claim: %v, %v, %v, want ErrInterrupted", n, ok, err)
	}
	check(t, "sessions", d.store.Keys(), []string(nil))
}

// Of concurrent claimants exactly one gets the token.
func TestConcurrentClaim(t *testing.T) {
	db := openSQLite(t)
	if err := ginsession.Migrate(db); err != nil {
		t.Fatal(err)
	}
	engines := map[string]func(*ginsession.Config){
		"custom": func(*ginsession.Config) {},
		"sqlite": func(cfg *ginsession.Config) { cfg.Engine = ginsession.DB(db) },
	}
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, engine)
			for range 5 {
				key := d.saved(t, map[string]any{"token": 7})
				var claimed atomic.Int32
				var ready sync.WaitGroup
				const n = 8
				ready.Add(n)
				inParallel(n, func(i int) {
					s := d.session(t, key)
					s.Keys()
					ready.Done()
					ready.Wait()
					s.Set(fmt.Sprint("own ", i), i)
					token, ok, err := ginsession.Claim[int](s, "token")
					if err != nil {
						t.Error("Claim:", err)
					}
					if ok && token == 7 {
						claimed.Add(1)
					}
					if err := s.Save(); err != nil {
						t.Error("Save:", err)
					}
				})
				check(t, "claimants that got the token", claimed.Load(), int32(1))
				check(t, "Has", d.session(t, key).Has("token"), false)
				check(t, "Len", d.session(t, key).Len(), n)
			}
		})
	}
}

// In a request, a claimed token needs no further save, and the others' answers stay as they are.
func TestClaimInARequest(t *testing.T) {
	w := newSite(t)
	v := w.visitor(t)
	v.post(func(s *ginsession.Session) { s.Set("token", 7) })
	w.store.Calls()
	r := v.post(func(s *ginsession.Session) { _, _, _ = ginsession.Claim[int](s, "token") })
	check(t, "status", r.StatusCode, http.StatusOK)
	checkCalls(t, w.store, "Load", "Update")
	check(t, "the record", w.store.Text(v.key()), `{}`)
}

// What an engine cannot do is an error, never a pretence.
func TestSignedCookiesCannot(t *testing.T) {
	d := newDesk(t, withSecret, func(cfg *ginsession.Config) { cfg.Engine = ginsession.SignedCookies() })
	s := d.session(t, "")
	s.Set("n", 1)
	save(t, s)
	_, modifyErr := ginsession.Modify(s, "n", func(int, bool) int { t.Error("it ran"); return 2 })
	_, ok, claimErr := ginsession.Claim[int](s, "n")
	exists, existsErr := d.Exists(t.Context(), s.Key())
	for name, err := range map[string]error{
		"Modify": modifyErr, "Claim": claimErr, "Exists": existsErr, "Delete": d.Delete(t.Context(), s.Key()),
	} {
		if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, want an errors.ErrUnsupported that names it", name, err)
		}
	}
	check(t, "Claim and Exists", []bool{ok, exists}, []bool{false, false})
	check(t, "Get", s.Get("n"), int64(1))
}
