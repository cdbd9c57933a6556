package ginsession_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// Helpers for the tests of the session itself: a site with visitors, a clock that is moved by
// hand, and a store that can be looked into.

// start is when a site's clock begins.
var start = time.Date(2026, time.November, 23, 4, 45, 0, 0, time.UTC)

// A handClock stands still until it is moved.
type handClock struct {
	mu  sync.Mutex
	now time.Time
}

func newHandClock() *handClock { return &handClock{now: start} }

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A spyStore keeps records in memory, remembers what was asked of it, and fails on demand.
type spyStore struct {
	mu      sync.Mutex
	records map[string]ginsession.Record
	calls   []string
	before  func(operation string) error // run before each operation, which fails with its error

	lost        error // the answer to the next Update or Replace, whatever becomes of it
	lostApplied bool  // it is carried out all the same
}

func newSpyStore() *spyStore { return &spyStore{records: map[string]ginsession.Record{}} }

func (s *spyStore) called(ctx context.Context, operation string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	s.calls = append(s.calls, operation)
	before := s.before
	s.mu.Unlock()
	if before == nil {
		return nil
	}
	return before(operation)
}

// loseAnswer has the answer of the next Update or Replace lost, whether it is carried out or not.
func (s *spyStore) loseAnswer(applied bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost, s.lostApplied = err, applied
}

// taken returns the operations since it was last called.
func (s *spyStore) taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

// setBefore has f run before each operation; nil ends that.
func (s *spyStore) setBefore(f func(operation string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = f
}

// text returns what is stored under key, or "".
func (s *spyStore) text(key string) string { return string(s.record(key).Data) }

func (s *spyStore) record(key string) ginsession.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.records[key]
}

// put stores a record as some other program may have.
func (s *spyStore) put(key, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records[key] = ginsession.Record{Data: []byte(text), Expires: start.Add(time.Hour)}
}

// keys lists the stored keys.
func (s *spyStore) keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.records))
}

func (s *spyStore) live(key string, now time.Time) (ginsession.Record, error) {
	if r, ok := s.records[key]; ok && r.Expires.After(now) {
		return r, nil
	}
	return ginsession.Record{}, ginsession.ErrNotFound
}

func (s *spyStore) Load(ctx context.Context, key string, now time.Time) (ginsession.Record, error) {
	if err := s.called(ctx, "Load"); err != nil {
		return ginsession.Record{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live(key, now)
}

func (s *spyStore) Create(ctx context.Context, key string, r ginsession.Record, now time.Time) error {
	if err := s.called(ctx, "Create"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.live(key, now); err == nil {
		return ginsession.ErrExists
	}
	s.records[key] = r
	return nil
}

func (s *spyStore) Update(ctx context.Context, key string, prev ginsession.Record, now time.Time, f ginsession.Mutate) (ginsession.Record, error) {
	if err := s.called(ctx, "Update"); err != nil {
		return ginsession.Record{}, err
	}
	return s.replace(key, key, prev, now, f)
}

func (s *spyStore) Replace(ctx context.Context, oldKey, newKey string, prev ginsession.Record, now time.Time, f ginsession.Mutate) (ginsession.Record, error) {
	if err := s.called(ctx, "Replace"); err != nil {
		return ginsession.Record{}, err
	}
	return s.replace(oldKey, newKey, prev, now, f)
}

func (s *spyStore) replace(oldKey, newKey string, prev ginsession.Record, now time.Time, f ginsession.Mutate) (ginsession.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lost := s.lost
	s.lost = nil
	if lost != nil && !s.lostApplied {
		return ginsession.Record{}, lost
	}
	current, err := s.live(oldKey, now)
	if err != nil {
		return ginsession.Record{}, err
	}
	if bytes.Equal(current.Data, prev.Data) {
		current = prev
	} else { // lent to f, as out of a transaction
		current.Data = bytes.Clone(current.Data)
		defer clear(current.Data)
	}
	next, err := f(current)
	if err != nil {
		return ginsession.Record{}, err
	}
	delete(s.records, oldKey)
	s.records[newKey] = next
	if lost != nil {
		return ginsession.Record{}, lost
	}
	return next, nil
}

func (s *spyStore) Touch(ctx context.Context, key string, expires, now time.Time) error {
	if err := s.called(ctx, "Touch"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.live(key, now)
	if err == nil {
		r.Expires = expires
		s.records[key] = r
	}
	return err
}

func (s *spyStore) Delete(ctx context.Context, key string) error {
	if err := s.called(ctx, "Delete"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.records, key)
	return nil
}

func (s *spyStore) ClearExpired(ctx context.Context, now time.Time, _ ginsession.ClearOptions) (int64, error) {
	if err := s.called(ctx, "ClearExpired"); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.records)
	maps.DeleteFunc(s.records, func(_ string, r ginsession.Record) bool { return !r.Expires.After(now) })
	return int64(before - len(s.records)), nil
}

// A desk is a manager with everything that a test looks at: its store, its clock and its log.
// The store sees keys as they are, so that a test finds a session's record by its key.
type desk struct {
	*ginsession.Manager
	store *spyStore
	clock *handClock
	log   *logBook
}

// newDesk makes a manager. A change alters its Config, which has a spyStore, a handClock and a
// logBook.
func newDesk(t *testing.T, changes ...func(*ginsession.Config)) *desk {
	t.Helper()
	d := &desk{store: newSpyStore(), clock: newHandClock(), log: &logBook{}}
	cfg := ginsession.Config{
		Engine:   ginsession.Custom(d.store),
		HashKeys: ginsession.Off,
		Clock:    d.clock.Now,
		Logger:   slog.New(slog.NewTextHandler(d.log, nil)),
	}
	for _, change := range changes {
		change(&cfg)
	}
	m, err := ginsession.NewManager(cfg)
	if err != nil {
		t.Fatal(err)
	}
	d.Manager = m
	return d
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
	d.store.taken()
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

// A logBook keeps what was logged.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// clear forgets what was logged, such as the warnings at start-up.
func (l *logBook) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Reset()
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// A site is a web site with one manager, behind TLS. Each request runs the function that its
// visitor brings along.
type site struct {
	*desk
	server *httptest.Server
	mu     sync.Mutex
	visits map[string]gin.HandlerFunc // by path
}

// newSite starts a site.
func newSite(t *testing.T, changes ...func(*ginsession.Config)) *site {
	t.Helper()
	return newSiteWith(t, newDesk(t, changes...))
}

// newSiteWith starts a site whose middleware comes after others.
func newSiteWith(t *testing.T, d *desk, before ...gin.HandlerFunc) *site {
	t.Helper()
	gin.SetMode(gin.TestMode)
	w := &site{desk: d, visits: map[string]gin.HandlerFunc{}}
	r := gin.New()
	r.Use(before...)
	r.Use(d.Handler())
	r.Any("/:visit", func(c *gin.Context) {
		w.mu.Lock()
		visit := w.visits[c.Request.URL.Path]
		w.mu.Unlock()
		visit(c)
	})
	w.server = httptest.NewTLSServer(r)
	t.Cleanup(w.server.Close)
	return w
}

// A visitor is a browser at a site.
type visitor struct {
	t      *testing.T
	site   *site
	client *http.Client
}

func (w *site) visitor(t *testing.T) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := w.server.Client()
	return &visitor{t, w, &http.Client{Transport: client.Transport, Jar: jar}}
}

// A reply is a response that was read.
type reply struct {
	*http.Response
	body string
}

// get has the site run f in a GET request.
func (v *visitor) get(f func(*ginsession.Session)) reply {
	v.t.Helper()
	return v.send(http.MethodGet, withSession(f))
}

// post has the site run f in a POST request.
func (v *visitor) post(f func(*ginsession.Session)) reply {
	v.t.Helper()
	return v.send(http.MethodPost, withSession(f))
}

func withSession(f func(*ginsession.Session)) gin.HandlerFunc {
	return func(c *gin.Context) { f(ginsession.Get(c)) }
}

// send has the site run handler.
func (v *visitor) send(method string, handler gin.HandlerFunc) reply {
	v.t.Helper()
	path := "/" + rand.Text()
	v.site.mu.Lock()
	v.site.visits[path] = handler
	v.site.mu.Unlock()
	request, err := http.NewRequestWithContext(v.t.Context(), method, v.site.server.URL+path, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	response, err := v.client.Do(request)
	if err != nil {
		v.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return reply{response, string(body)}
}

// key returns the value of the visitor's session cookie, or "".
func (v *visitor) key() string {
	for _, c := range v.client.Jar.Cookies(v.url()) {
		if c.Name == "sessionid" {
			return c.Value
		}
	}
	return ""
}

// setKey plants a session cookie.
func (v *visitor) setKey(key string) {
	v.client.Jar.SetCookies(v.url(), []*http.Cookie{{Name: "sessionid", Value: key, Path: "/"}})
}

func (v *visitor) url() *url.URL {
	u, err := url.Parse(v.site.server.URL)
	if err != nil {
		v.t.Fatal(err)
	}
	return u
}

// cookie returns the session cookie that a response sets, or nil.
func (r reply) cookie() *http.Cookie {
	for _, c := range r.Cookies() {
		if c.Name == "sessionid" {
			return c
		}
	}
	return nil
}

// check compares deeply.
func check(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s = %#v, want %#v", what, got, want)
	}
}

// checkTime compares moments, wherever their clocks hang.
func checkTime(t *testing.T, what string, got, want time.Time) {
	t.Helper()
	if !got.Equal(want) {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

// checkCalls compares what was asked of the store since the last look.
func checkCalls(t *testing.T, s *spyStore, want ...string) {
	t.Helper()
	if got := s.taken(); !slices.Equal(got, want) {
		t.Errorf("store operations: %v, want %v", got, want)
	}
}

// checkContains looks for each of the texts.
func checkContains(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("%q does not contain %q", text, w)
		}
	}
}
