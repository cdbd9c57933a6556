package ginsession_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testsite"
)

// Checks and small stores for the tests of this package. The site, its visitors, its clock and
// its store are in internal/testsite. The types from desk to reply are testsite's, by shorter
// names.

var start = testsite.Start

// A desk is a testsite.Desk whose store sees keys as they are, so that a test finds a session's
// record by its key.
type desk struct {
	*testsite.Desk
	store *testsite.Store
	clock *testsite.Clock
	log   *testsite.Log
}

// newDesk makes a manager whose Config the changes alter.
func newDesk(t *testing.T, changes ...func(*ginsession.Config)) *desk {
	t.Helper()
	plainKeys := func(cfg *ginsession.Config) { cfg.HashKeys = ginsession.Off }
	d := testsite.NewDesk(t, append([]func(*ginsession.Config){plainKeys}, changes...)...)
	return &desk{d, d.Store, d.Clock, d.Log}
}

// session opens a session outside a request; "" is a new one.
func (d *desk) session(t *testing.T, key string) *ginsession.Session {
	return d.Open(t.Context(), key)
}

// saved returns the key of a new session that holds values.
func (d *desk) saved(t *testing.T, values map[string]any) string {
	t.Helper()
	s := d.session(t, "")
	s.Update(values)
	save(t, s)
	d.store.Calls()
	return s.Key()
}

// somebodyElse changes the session in a request of its own.
func (d *desk) somebodyElse(t *testing.T, key string, change func(*ginsession.Session)) {
	t.Helper()
	s := d.session(t, key)
	change(s)
	save(t, s)
}

func save(t *testing.T, s *ginsession.Session) {
	t.Helper()
	if err := s.Save(); err != nil {
		t.Fatal("Save:", err)
	}
}

// A site is a testsite.Site. Each request runs the function that its visitor brings along.
type site struct {
	*desk
	server *httptest.Server
	web    *testsite.Site
}

// newSite starts a site whose Config the changes alter.
func newSite(t *testing.T, changes ...func(*ginsession.Config)) *site {
	t.Helper()
	return newSiteWith(t, newDesk(t, changes...))
}

// newSiteWith starts a site whose middleware comes after others.
func newSiteWith(t *testing.T, d *desk, before ...gin.HandlerFunc) *site {
	t.Helper()
	web := testsite.Serve(t, d.Desk, testsite.Setup{HTTP1: true, Before: before})
	return &site{d, web.Server, web}
}

// A visitor is a testsite.Visitor whose requests run functions.
type visitor struct {
	*testsite.Visitor
	t      *testing.T
	client *http.Client
}

func (w *site) visitor(t *testing.T) *visitor {
	t.Helper()
	v := w.web.Visitor()
	return &visitor{v, t, v.Client}
}

func (v *visitor) key() string       { return v.Key() }
func (v *visitor) setKey(key string) { v.SetKey(key) }
func (v *visitor) url() *url.URL     { return v.SiteURL() }

// A reply is a testsite.Reply.
type reply struct {
	*testsite.Reply
	body string
}

func (r reply) cookie() *http.Cookie { return r.SessionCookie() }

// get makes a GET request that f answers.
func (v *visitor) get(f func(*ginsession.Session)) reply {
	v.t.Helper()
	return v.send(http.MethodGet, withSession(f))
}

// post makes a POST request that f answers.
func (v *visitor) post(f func(*ginsession.Session)) reply {
	v.t.Helper()
	return v.send(http.MethodPost, withSession(f))
}

func withSession(f func(*ginsession.Session)) gin.HandlerFunc {
	return func(c *gin.Context) { f(ginsession.Get(c)) }
}

// send makes a request that handler answers.
func (v *visitor) send(method string, handler gin.HandlerFunc) reply {
	v.t.Helper()
	r := v.Do(method, handler)
	return reply{r, r.Text}
}

// A watchedStore calls watch with the context and name of each operation before it carries it
// out. If watch returns an error, the operation returns it instead.
type watchedStore struct {
	ginsession.Store
	watch func(ctx context.Context, operation string) error
}

func (s watchedStore) Load(ctx context.Context, key string, now time.Time) (ginsession.Record, error) {
	if err := s.watch(ctx, "Load"); err != nil {
		return ginsession.Record{}, err
	}
	return s.Store.Load(ctx, key, now)
}

func (s watchedStore) Create(ctx context.Context, key string, r ginsession.Record, now time.Time) error {
	if err := s.watch(ctx, "Create"); err != nil {
		return err
	}
	return s.Store.Create(ctx, key, r, now)
}

func (s watchedStore) Update(ctx context.Context, key string, prev ginsession.Record, now time.Time, f ginsession.Mutate) (ginsession.Record, error) {
	if err := s.watch(ctx, "Update"); err != nil {
		return ginsession.Record{}, err
	}
	return s.Store.Update(ctx, key, prev, now, f)
}

func (s watchedStore) Delete(ctx context.Context, key string) error {
	if err := s.watch(ctx, "Delete"); err != nil {
		return err
	}
	return s.Store.Delete(ctx, key)
}

// ended returns the error of a context that has ended, as a driver finds out about it.
func ended(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	default:
		return nil
	}
}

// check fails the test if got and want are not deeply equal. what names them in the message.
func check(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s = %#v, want %#v", what, got, want)
	}
}

// checkTime compares instants, whatever their time zones.
func checkTime(t *testing.T, what string, got, want time.Time) {
	t.Helper()
	if !got.Equal(want) {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

// checkCalls compares the store's operations since they were last asked for.
func checkCalls(t *testing.T, s interface{ Calls() []string }, want ...string) {
	t.Helper()
	if got := s.Calls(); !slices.Equal(got, want) {
		t.Errorf("store operations: %v, want %v", got, want)
	}
}

// checkContains fails the test for each of want that text does not contain.
func checkContains(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("%q does not contain %q", text, w)
		}
	}
}
