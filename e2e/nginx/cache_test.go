package nginx_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gin-contrib/gzip"
	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testsite"
)

// cacheSettings are nginx's, by what they are for. With all of them a page that does not use its
// session is kept.
var cacheSettings = map[string]string{
	"default":       "",
	"key of path":   "proxy_cache_key $uri$is_args$args;",
	"Set-Cookie":    "proxy_ignore_headers Set-Cookie;",
	"Cache-Control": "proxy_ignore_headers Cache-Control Expires X-Accel-Expires;",
	"HEAD apart":    "proxy_cache_convert_head off; proxy_cache_key $request_method$request_uri;",
	"POST":          "proxy_cache_methods GET HEAD POST;",
	"stale":         "proxy_cache_lock on; proxy_cache_background_update on; proxy_cache_use_stale error timeout updating http_500 http_503 http_404;",
	"gzip":          "proxy_cache_revalidate on; gzip on; gzip_types *; gzip_vary on; proxy_set_header Accept-Encoding '';",
}

// A page cache in front of the program gives no visitor the page or the cookie of another, however
// the page is made.
func TestPageCache(t *testing.T) {
	for name, settings := range cacheSettings {
		t.Run(name, func(t *testing.T) {
			expectNoLeak(t, settings, testsite.Setup{})
		})
	}
	for name, setup := range map[string]testsite.Setup{
		"gzip inside":         {After: []gin.HandlerFunc{gzip.Gzip(gzip.BestSpeed)}},
		"gzip outside":        {Before: []gin.HandlerFunc{gzip.Gzip(gzip.BestSpeed)}},
		"every request saved": {Config: ginsession.Config{SaveEveryRequest: true}},
	} {
		t.Run(name, func(t *testing.T) { expectNoLeak(t, "proxy_ignore_headers Set-Cookie;", setup) })
	}
	t.Run("Vary ignored, NoStore", func(t *testing.T) {
		expectNoLeak(t, "proxy_ignore_headers Vary;", testsite.Setup{Config: ginsession.Config{NoStore: ginsession.On}})
	})
}

func expectNoLeak(t *testing.T, settings string, setup testsite.Setup) {
	t.Helper()
	town := newTown(t, settings, setup)
	for _, leak := range town.tour(slices.Sorted(maps.Keys(shapes))) {
		t.Error(leak)
	}
	own := setup.NoStore != ginsession.On && !setup.SaveEveryRequest
	if own && town.hits == 0 {
		t.Error("nginx has kept no page of a session: this test proves nothing")
	}
	if plain := town.site.Visitor().Get("/w/plain"); plain.Header.Get("X-Cache") != "MISS" {
		t.Errorf("the first visit of a page without a session: %q", plain.Header.Get("X-Cache"))
	}
	if plain := town.site.Visitor().Get("/w/plain"); plain.Header.Get("X-Cache") != "HIT" && !setup.SaveEveryRequest {
		t.Errorf("the second visit of a page without a session: %q: this cache proves nothing", plain.Header.Get("X-Cache"))
	}
}

// The tests above can fail: without Vary, with nginx told to ignore it, and if nobody asks for the
// session before the headers are sent, strangers get alice's page.
func TestPageCacheLeaksWithoutVary(t *testing.T) {
	all := slices.Sorted(maps.Keys(shapes))
	for name, test := range map[string]struct {
		settings string
		setup    testsite.Setup
		shapes   []string
	}{
		"no Vary":      {"", testsite.Setup{Server: func(s *http.Server) { s.Handler = dropVary(s.Handler) }}, all},
		"Vary ignored": {"proxy_ignore_headers Vary;", testsite.Setup{}, all},
		"too late":     {"", testsite.Setup{}, []string{"first read after the first byte"}},
	} {
		t.Run(name, func(t *testing.T) {
			town := newTown(t, test.settings, test.setup)
			leaks := town.tour(test.shapes)
			if len(leaks) < len(test.shapes)/2+1 {
				t.Errorf("%d leaks: %v", len(leaks), leaks)
			}
			if name == "too late" && !strings.Contains(town.site.Log.String(), "without Vary: Cookie") {
				t.Errorf("nothing is logged of it: %s", town.site.Log)
			}
		})
	}
}

func dropVary(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(varyDropper{w}, r) })
}

type varyDropper struct{ http.ResponseWriter }

func (w varyDropper) WriteHeader(status int) {
	w.Header().Del("Vary")
	w.ResponseWriter.WriteHeader(status)
}

func (w varyDropper) Flush() { w.ResponseWriter.(http.Flusher).Flush() }

// A moment's failure of the store is not kept for those who come after it.
func TestPageCacheKeepsNoFailure(t *testing.T) {
	for name, settings := range cacheSettings {
		if name == "Cache-Control" {
			continue // such a cache keeps what must not be kept
		}
		t.Run(name, func(t *testing.T) {
			town := newTown(t, settings, testsite.Setup{})
			for _, shape := range slices.Sorted(maps.Keys(shapes)) {
				if shape == "panic" {
					continue // is answered by the recovery
				}
				path := "/shape/" + pathOf(shape) + "?at=failure"
				town.site.Store.FailOn(errors.New("the store is down"), "Load", "Create")
				if got := town.alice.Get(path); got.StatusCode != http.StatusServiceUnavailable {
					t.Errorf("%s, while the store is down: %s %q", shape, got.Status, got.Text)
				}
				town.site.Store.FailOn(nil)
				if got := town.alice.Get(path); got.StatusCode == http.StatusServiceUnavailable {
					t.Errorf("%s, afterwards: %s %q", shape, got.Status, got.Text)
				}
			}
		})
	}
}

// A town has visitors of a site that is behind nginx.
type town struct {
	t          *testing.T
	site       *testsite.Site
	alice, bob *testsite.Visitor
	owners     map[string]string // of the session keys that were given out
	hits       int               // pages that a visitor got from the cache
}

func newTown(t *testing.T, settings string, setup testsite.Setup) *town {
	t.Helper()
	setup.Routes = addShapes
	setup.Before = append([]gin.HandlerFunc{gin.RecoveryWithWriter(io.Discard)}, setup.Before...)
	site := testsite.New(t, setup)
	site.URL = startNginx(t, site.URL, settings)
	town := &town{t: t, site: site, alice: site.Visitor(), bob: site.Visitor(), owners: map[string]string{}}
	town.visit("Alice", town.alice, http.MethodPost, "/signin?user=Alice")
	town.visit("Bob", town.bob, http.MethodPost, "/signin?user=Bob")
	if town.alice.Key() == "" || town.bob.Key() == "" || town.alice.Key() == town.bob.Key() {
		t.Fatal("alice and bob are not signed in")
	}
	return town
}

// tour has alice, bob and strangers visit all shapes in several orders, and returns who got what is
// not theirs.
func (town *town) tour(shapes []string) (leaks []string) {
	orders := [][]string{{"Alice", nobody, "Bob"}, {nobody, "Alice", "Bob"}, {"Bob", "Alice", nobody}}
	for _, shape := range shapes {
		for i, order := range orders {
			for _, first := range []string{http.MethodGet, http.MethodHead, http.MethodPost}[:max(1, 3-2*i)] {
				path := fmt.Sprintf("/shape/%s?at=%d%s", pathOf(shape), i, first)
				for _, method := range []string{first, http.MethodGet} {
					for _, name := range order {
						for _, leak := range town.visit(name, town.visitor(name), method, path, town.conditions(name, i)...) {
							leaks = append(leaks, fmt.Sprintf("%s %s: %s got %s", method, path, name, leak))
						}
					}
				}
			}
		}
	}
	return leaks
}

func (town *town) visitor(name string) *testsite.Visitor {
	switch name {
	case "Alice":
		return town.alice
	case "Bob":
		return town.bob
	}
	return town.site.Visitor() // a new one each time
}

// conditions has the others ask whether alice's page is the one to show.
func (town *town) conditions(name string, order int) []testsite.Header {
	if name == "Alice" || order != 0 {
		return nil
	}
	return []testsite.Header{{Name: "If-None-Match", Value: `"Alice"`}}
}

// visit returns what the answer has of others.
func (town *town) visit(name string, v *testsite.Visitor, method, path string, headers ...testsite.Header) (leaks []string) {
	town.t.Helper()
	reply := v.Send(method, path, headers...)
	if reply.Header.Get("X-Cache") == "HIT" {
		town.hits++
	}
	if reply.StatusCode == http.StatusNotModified {
		leaks = append(leaks, "304")
	}
	answer := fmt.Sprintln(reply.Header, reply.Text)
	for _, other := range []string{"Alice", "Bob", nobody} {
		if other != name && strings.Contains(answer, other) {
			leaks = append(leaks, other+"'s page: "+reply.Status)
		}
	}
	if cookie := reply.SessionCookie(); cookie != nil && cookie.Value != "" {
		owner, known := town.owners[cookie.Value]
		if known && (owner != name || owner == nobody) { // every stranger is another one
			leaks = append(leaks, owner+"'s cookie")
		}
		town.owners[cookie.Value] = name
	}
	return leaks
}

// After the sign-out the browser gets a stranger's page, also of what the cache has kept.
func TestPageCacheAfterSignOut(t *testing.T) {
	town := newTown(t, "", testsite.Setup{})
	for _, shape := range []string{"text", "redirect", "not found"} {
		path := "/shape/" + pathOf(shape)
		town.visit("Alice", town.alice, http.MethodGet, path)
		if leaks := town.visit("Alice", town.alice, http.MethodGet, path); leaks != nil || town.hits == 0 {
			t.Errorf("%s: %d hits: this test proves nothing; %v", shape, town.hits, leaks)
		}
		town.alice.Post("/signout")
		if leaks := town.visit(nobody, town.alice, http.MethodGet, path); leaks != nil {
			t.Errorf("%s, after the sign-out: %v", shape, leaks)
		}
		town.alice.Post("/signin?user=Alice")
		town.hits = 0
	}
}
