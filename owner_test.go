package ginsession_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memory"
	"github.com/ginsession/ginsession/internal/testsite"
)

// forEachOwnerEngine runs f as a subtest for each engine that finds sessions by their owner.
func forEachOwnerEngine(t *testing.T, f func(t *testing.T, open func(t *testing.T) ginsession.Engine)) {
	t.Helper()
	t.Run("file", func(t *testing.T) {
		f(t, func(t *testing.T) ginsession.Engine { return ginsession.File(t.TempDir()) })
	})
	t.Run("memory", func(t *testing.T) {
		f(t, func(t *testing.T) ginsession.Engine { return ginsession.Cached(memory.New()) })
	})
	t.Run("redis", func(t *testing.T) {
		f(t, func(t *testing.T) ginsession.Engine { return ginsession.Cached(openRedis(t)) })
	})
	t.Run("db", func(t *testing.T) {
		forEachEmptyDB(t, func(t *testing.T, db *gorm.DB) {
			f(t, func(t *testing.T) ginsession.Engine {
				return ginsession.DB(db, ginsession.TableName(newTable(t, db)))
			})
		})
	})
	t.Run("cached_db", func(t *testing.T) { forEachCachedDB(t, f) })
}

// ownerDesk makes a manager of sessions with owners; no owner has another test's sessions.
func ownerDesk(t *testing.T, engine ginsession.Engine, changes ...func(*ginsession.Config)) *desk {
	t.Helper()
	return newDesk(t, append([]func(*ginsession.Config){func(cfg *ginsession.Config) {
		cfg.Engine, cfg.HashKeys = engine, ginsession.On
	}}, changes...)...)
}

func newOwner() string { return fmt.Sprintf("öwner %d", rand.Uint64()) }

// signedIn returns a saved session of owner.
func signedIn(t *testing.T, d *desk, owner string) *ginsession.Session {
	t.Helper()
	s := d.session(t, "")
	s.Set("cart", "tea")
	if err := s.SignIn(owner); err != nil {
		t.Fatal("SignIn:", err)
	}
	save(t, s)
	return s
}

func idsOf(t *testing.T, d *desk, owner string) []string {
	t.Helper()
	sessions, err := d.SessionsOf(t.Context(), owner)
	if err != nil {
		t.Fatal("SessionsOf:", err)
	}
	ids := []string{}
	for _, s := range sessions {
		ids = append(ids, s.ID())
	}
	return ids
}

func TestSignIn(t *testing.T) {
	forEachOwnerEngine(t, func(t *testing.T, open func(t *testing.T) ginsession.Engine) {
		d, owner := ownerDesk(t, open(t)), newOwner()
		s := d.session(t, "")
		s.Set("cart", "tea")
		save(t, s)
		anonymous, id := s.Key(), s.ID()
		check(t, "nobody's", []any{s.Owner(), s.SignedInAt().IsZero(), id != "", id != s.Key()}, []any{"", true, true, true})
		check(t, "SignIn", s.SignIn(owner), error(nil))
		save(t, s)

		again := d.session(t, s.Key())
		check(t, "the owner, the time and the data", []any{again.Owner(), again.SignedInAt(), again.Get("cart")}, []any{owner, d.clock.Now(), any("tea")})
		check(t, "the ID has changed and stays", []any{again.ID() == s.ID(), again.ID() == id}, []any{true, false})
		exists, err := d.Exists(t.Context(), anonymous)
		check(t, "the key from before", []any{exists, err}, []any{false, error(nil)})
		exists, err = d.Exists(t.Context(), s.ID())
		check(t, "the ID as a cookie", []any{exists, err}, []any{false, error(nil)})

		d.clock.Advance(time.Minute)
		again.Reauthenticate()
		save(t, again)
		check(t, "SignedInAt after Reauthenticate", d.session(t, s.Key()).SignedInAt(), d.clock.Now())

		again.Clear()
		save(t, again)
		check(t, "sessions after Clear", idsOf(t, d, owner), []string{})
	})
}

// Another owner's data is not handed over.
func TestSignInOfAnotherOwner(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, "")
	s.Set("cart", "tea")
	check(t, "SignIn", s.SignIn("al"), error(nil))
	save(t, s)
	before := s.Key()
	check(t, "SignIn again", s.SignIn("al"), error(nil))
	check(t, "the cart of the same owner", s.Get("cart"), any("tea"))
	check(t, "SignIn of another", s.SignIn("bo"), error(nil))
	save(t, s)
	check(t, "the new session", []any{s.Owner(), s.Has("cart")}, []any{"bo", false})
	exists, err := d.Exists(t.Context(), before)
	check(t, "the session from before", []any{exists, err}, []any{false, error(nil)})
}

func TestBadOwners(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, d.saved(t, map[string]any{"cart": "tea"}))
	key := s.Key()
	for name, owner := range map[string]string{"empty": "", "too long": strings.Repeat("x", 256), "not UTF-8": "\xff", "with a zero byte": "a\x00"} {
		if err := s.SignIn(owner); err == nil || s.Owner() != "" || s.Key() != key || s.Modified() {
			t.Errorf("an owner that is %s: %v, signed in %q", name, err, s.Owner())
		}
		if _, err := d.EndSessionsOf(t.Context(), owner); err == nil {
			t.Errorf("EndSessionsOf an owner that is %s: no error", name)
		}
	}
	check(t, "the longest owner", s.SignIn(strings.Repeat("x", 255)), error(nil))
}

// Nobody is signed in to a session that cannot be loaded.
func TestSignInWithoutStore(t *testing.T) {
	d := newDesk(t)
	key := d.saved(t, map[string]any{"cart": "tea"})
	d.store.FailOn(errors.New("broken"), "Load")
	s := d.session(t, key)
	check(t, "SignIn", errors.Is(s.SignIn("al"), ginsession.ErrUnavailable), true)
	d.store.FailOn(nil)
	check(t, "the owner", []any{s.Owner(), d.session(t, key).Owner()}, []any{"", ""})
}

func TestSessionsOf(t *testing.T) {
	forEachOwnerEngine(t, func(t *testing.T, open func(t *testing.T) ginsession.Engine) {
		d, owner := ownerDesk(t, open(t)), newOwner()
		var sessions []*ginsession.Session
		for range 3 {
			sessions = append(sessions, signedIn(t, d, owner))
			d.clock.Advance(time.Second)
		}
		signedIn(t, d, strings.ToUpper(owner))
		signedIn(t, d, owner+" ")

		first, second, third := sessions[0], sessions[1], sessions[2]
		check(t, "the newest first", idsOf(t, d, owner), []string{third.ID(), second.ID(), first.ID()})
		found, _ := d.SessionsOf(t.Context(), owner)
		newest := found[0]
		check(t, "what one shows", []any{newest.Key(), newest.Owner(), newest.Get("cart"), newest.SignedInAt()}, []any{"", owner, any("tea"), third.SignedInAt()})
		check(t, "its cookie", d.Cookie(newest), (*http.Cookie)(nil))
		check(t, "CycleKey and SignIn", []bool{newest.CycleKey() != nil, newest.SignIn(owner) != nil}, []bool{true, true})
		newest.Set("seen", true)
		save(t, newest)
		check(t, "what was changed in it", d.session(t, third.Key()).Get("seen"), any(true))

		check(t, "Flush", found[1].Flush(), error(nil))
		check(t, "the flushed one, saved", errors.Is(found[1].Save(), ginsession.ErrInterrupted), true)
		check(t, "without the flushed one", idsOf(t, d, owner), []string{third.ID(), first.ID()})
		ended, err := d.EndSession(t.Context(), first.ID())
		check(t, "EndSession", []any{ended, err}, []any{true, error(nil)})
		ended, err = d.EndSession(t.Context(), first.ID())
		check(t, "EndSession again", []any{ended, err}, []any{false, error(nil)})
		check(t, "without the ended one", idsOf(t, d, owner), []string{third.ID()})

		d.clock.Advance(15 * 24 * time.Hour)
		check(t, "expired", idsOf(t, d, owner), []string{})
	})
}

func TestEndSessionsOf(t *testing.T) {
	forEachOwnerEngine(t, func(t *testing.T, open func(t *testing.T) ginsession.Engine) {
		d, owner := ownerDesk(t, open(t)), newOwner()
		var sessions []*ginsession.Session
		for range 4 {
			sessions = append(sessions, signedIn(t, d, owner))
		}
		stranger := signedIn(t, d, "not "+owner)
		slow := d.session(t, sessions[1].Key())
		check(t, "a request that has begun", slow.Owner(), owner)

		ended, err := d.EndSessionsOf(t.Context(), owner, sessions[0].ID())
		check(t, "EndSessionsOf", []any{ended, err}, []any{int64(3), error(nil)})
		check(t, "left", idsOf(t, d, owner), []string{sessions[0].ID()})
		slow.Set("late", true)
		check(t, "its save", errors.Is(slow.Save(), ginsession.ErrInterrupted), true)
		for i, s := range sessions {
			exists, err := d.Exists(t.Context(), s.Key())
			check(t, fmt.Sprint("session ", i), []any{exists, err}, []any{i == 0, error(nil)})
		}
		check(t, "a stranger's", d.session(t, stranger.Key()).Owner(), "not "+owner)
	})
}

// Sessions that get new keys, are saved and are signed in to while EndSessionsOf runs are all ended:
// those that were signed in when it was called.
func TestEndSessionsOfBesideRequests(t *testing.T) {
	forEachOwnerEngine(t, func(t *testing.T, open func(t *testing.T) ginsession.Engine) {
		d := ownerDesk(t, open(t))
		rounds := 30
		if testing.Short() {
			rounds = 5
		}
		for range rounds {
			owner := newOwner()
			var all sync.WaitGroup
			keys := make([]string, 4)
			begin := make(chan struct{})
			for i := range keys {
				s := d.session(t, signedIn(t, d, owner).Key())
				check(t, "signed in", s.Owner(), owner)
				all.Go(func() {
					<-begin
					for n := range 3 {
						if i%2 == 0 {
							_ = s.CycleKey()
						}
						s.Set("n", n)
						if s.Save() != nil {
							return
						}
						keys[i] = s.Key()
					}
				})
			}
			close(begin)
			if _, err := d.EndSessionsOf(t.Context(), owner); err != nil {
				t.Fatal("EndSessionsOf:", err)
			}
			left := idsOf(t, d, owner)
			all.Wait()
			if left = append(left, idsOf(t, d, owner)...); len(left) > 0 {
				t.Fatal("sessions are left:", left)
			}
			for _, key := range keys {
				// A session that was ended and then given a key is a new one, of nobody.
				if s := d.Open(context.Background(), key); s.Owner() != "" || s.Err() != nil {
					t.Fatal("somebody is signed in under a key that a session moved to:", s.Err())
				}
			}
		}
	})
}

// Of an owner's sessions, MaxSessionsPerOwner leaves the newest.
func TestMaxSessionsPerOwner(t *testing.T) {
	forEachOwnerEngine(t, func(t *testing.T, open func(t *testing.T) ginsession.Engine) {
		d, owner := ownerDesk(t, open(t), func(cfg *ginsession.Config) { cfg.MaxSessionsPerOwner = 2 }), newOwner()
		other := signedIn(t, d, "not "+owner)
		var sessions []*ginsession.Session
		for range 4 {
			sessions = append(sessions, signedIn(t, d, owner)) // in the same moment
		}
		check(t, "the last is among those left", slices.Contains(idsOf(t, d, owner), sessions[3].ID()), true)
		check(t, "left", len(idsOf(t, d, owner)), 2)
		d.clock.Advance(time.Second)
		fifth := signedIn(t, d, owner)
		d.clock.Advance(time.Second)
		sixth := signedIn(t, d, owner)
		check(t, "the newest", idsOf(t, d, owner), []string{sixth.ID(), fifth.ID()})
		check(t, "another's", d.session(t, other.Key()).Owner(), "not "+owner)
	})
	_, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.SignedCookies(), SecretKey: "0123456789abcdef0123456789abcdef", MaxSessionsPerOwner: 1})
	checkContains(t, fmt.Sprint(err), "MaxSessionsPerOwner", "needs an engine")
	_, err = ginsession.NewManager(ginsession.Config{Engine: ginsession.Cached(memory.New()), MaxSessionsPerOwner: -1})
	checkContains(t, fmt.Sprint(err), "MaxSessionsPerOwner", "negative")
}

// Two managers with cookies of their own on one store may know different users by one name.
func TestOwnersOfTwoManagers(t *testing.T) {
	cache := memory.New()
	shop := ownerDesk(t, ginsession.Cached(cache))
	office := ownerDesk(t, ginsession.Cached(cache), func(cfg *ginsession.Config) { cfg.CookieName = "office" })
	customer, clerk := signedIn(t, shop, "1"), signedIn(t, office, "1")
	check(t, "the shop's", idsOf(t, shop, "1"), []string{customer.ID()})
	check(t, "the office's", idsOf(t, office, "1"), []string{clerk.ID()})
	ended, err := shop.EndSessionsOf(t.Context(), "1")
	check(t, "EndSessionsOf", []any{ended, err}, []any{int64(1), error(nil)})
	check(t, "the office's afterwards", idsOf(t, office, "1"), []string{clerk.ID()})
}

// What cannot find sessions by their owner says so, and what to use.
func TestOwnersUnsupported(t *testing.T) {
	db := openSQLite(t)
	check(t, "Migrate", ginsession.Migrate(db, ginsession.TableName("django_session")), error(nil))
	secret := strings.Repeat("s", 50)
	for name, test := range map[string]struct {
		cfg  ginsession.Config
		text string
	}{
		"signed cookies": {ginsession.Config{Engine: ginsession.SignedCookies(), SecretKey: secret}, "keeps sessions on the server"},
		"a Cache alone":  {ginsession.Config{Engine: ginsession.Cached(struct{ ginsession.Cache }{memory.New()})}, "cache/redis"},
		"a Store alone":  {ginsession.Config{Engine: ginsession.Custom(testsite.NewStore())}, "OwnerStore"},
		"Django's table": {ginsession.ForDjango(db, ginsession.DjangoOptions{SecretKey: secret}), "a table of your own"},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := ginsession.NewManager(test.cfg)
			if err != nil {
				t.Fatal(err)
			}
			_, listing := m.SessionsOf(t.Context(), "al")
			_, endingAll := m.EndSessionsOf(t.Context(), "al")
			_, ending := m.EndSession(t.Context(), strings.Repeat("a", 40))
			for _, err := range []error{listing, endingAll, ending} {
				if !errors.Is(err, errors.ErrUnsupported) {
					t.Errorf("%v, want ErrUnsupported", err)
				}
				checkContains(t, fmt.Sprint(err), test.text)
			}
		})
	}
	m, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.Cached(memory.New()), HashKeys: ginsession.Off})
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.EndSession(t.Context(), strings.Repeat("a", 40))
	check(t, "EndSession without HashKeys", errors.Is(err, errors.ErrUnsupported), true)
}

// With ForDjango the owner is Django's user, and Django signs in.
func TestOwnerOfDjango(t *testing.T) {
	db := openSQLite(t)
	check(t, "Migrate", ginsession.Migrate(db, ginsession.TableName("django_session")), error(nil))
	check(t, "the column owner", db.Migrator().HasColumn("django_session", "owner"), false)
	m, err := ginsession.NewManager(ginsession.ForDjango(db, ginsession.DjangoOptions{SecretKey: strings.Repeat("s", 50)}))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []any{"42", 42} {
		s := m.Open(t.Context(), "")
		s.Set("_auth_user_id", id)
		save(t, s)
		check(t, "Owner", m.Open(t.Context(), s.Key()).Owner(), "42")
		check(t, "SignIn", errors.Is(s.SignIn("42"), errors.ErrUnsupported), true)
	}
}

func TestRequireOwner(t *testing.T) {
	toSignIn := func(c *gin.Context) { c.Redirect(http.StatusSeeOther, "/sign-in") }
	site := testsite.New(t, testsite.Setup{Routes: func(r *gin.Engine) {
		page := func(c *gin.Context) { c.String(http.StatusOK, "for "+ginsession.Get(c).Owner()) }
		r.POST("/sign-in", func(c *gin.Context) { _ = ginsession.Get(c).SignIn("al"); c.String(http.StatusOK, "in") })
		r.POST("/again", func(c *gin.Context) { ginsession.Get(c).Reauthenticate(); c.String(http.StatusOK, "in") })
		r.GET("/account", ginsession.RequireOwner(toSignIn), page)
		r.GET("/password", ginsession.RequireRecent(time.Minute, toSignIn), page)
	}})
	v := site.Visitor()
	expect := func(when, path string, status int) {
		t.Helper()
		check(t, when+": "+path, v.Get(path).StatusCode, status)
	}
	expect("nobody", "/account", http.StatusSeeOther)
	expect("nobody", "/password", http.StatusSeeOther)
	v.Post("/sign-in")
	check(t, "the page", v.Get("/account").Text, "for al")
	site.Clock.Advance(time.Minute)
	expect("a minute later", "/password", http.StatusOK)
	site.Clock.Advance(time.Second)
	expect("later", "/account", http.StatusOK)
	expect("later", "/password", http.StatusSeeOther)
	v.Post("/again")
	expect("after Reauthenticate", "/password", http.StatusOK)
	site.Store.FailOn(errors.New("broken"), "Load")
	expect("without a store", "/account", http.StatusServiceUnavailable)
}
