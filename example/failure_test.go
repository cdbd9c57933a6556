package main

import (
	"net/http"
	"testing"
)

func TestWrongMethod(t *testing.T) {
	v := openSite(t, newSQLite(t)).visitor(t)
	for _, test := range []struct{ method, path, allow string }{
		{http.MethodPost, "/", "GET"},
		{http.MethodGet, "/add", "POST"},
		{http.MethodDelete, "/cart", "GET, POST"},
		{http.MethodPost, "/static/style.css", "GET, HEAD"},
	} {
		got := v.do(test.method, test.path, nil, nil)
		got.want(t, http.StatusMethodNotAllowed, "<h1>Not possible here</h1>")
		if allow := got.header.Get("Allow"); allow != test.allow {
			t.Errorf("%s %s: Allow: %q, want %q", test.method, test.path, allow, test.allow)
		}
		if csp := got.header.Get("Content-Security-Policy"); csp == "" {
			t.Errorf("%s %s: there is no Content-Security-Policy", test.method, test.path)
		}
	}
	v.do(http.MethodPost, "/nowhere", nil, nil).want(t, http.StatusNotFound)
}
