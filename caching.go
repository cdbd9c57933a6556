package ginsession

import (
	"net/http"
	"strings"
)

// This file tells caches what they may keep.

// makePrivate keeps a response for one visitor, such as one that sets a cookie, out of shared caches. Without "private" they may
// keep it even if its Cache-Control says nothing of sharing, such as a max-age alone (RFC 9111 §3).
func (cfg *settings) makePrivate(h http.Header) {
	lines := h.Values("Cache-Control")
	if len(lines) == 0 {
		h.Set("Cache-Control", "private")
		return
	}
	shared, private := false, false
	kept := []string{"private"}
	for directive := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		directive = strings.TrimSpace(directive)
		name, _, _ := strings.Cut(strings.ToLower(directive), "=")
		switch {
		case name == "public" || name == "s-maxage":
			shared = true
		case strings.EqualFold(directive, "private"): // with ="X-Own" it is about that header
			private = true
		case directive != "":
			private = private || name == "no-store"
			kept = append(kept, directive)
		}
	}
	if private && !shared {
		return
	}
	h.Set("Cache-Control", strings.Join(kept, ", "))
	if shared {
		cfg.Logger.Warn("ginsession: a response for one visitor had Cache-Control for shared caches; it was made private")
	}
}

// varyCookie is shared by all responses, as Gin's content types are. Appending to it copies it.
var varyCookie = []string{"Cookie"}

// varyByCookie tells caches that the response depends on the cookie. It joins all lines of Vary into
// one, because nginx before 1.23 reads only one.
func varyByCookie(h http.Header) {
	lines := h["Vary"]
	if len(lines) == 0 {
		h["Vary"] = varyCookie
		return
	}
	joined := strings.Join(lines, ", ")
	named := false
	for name := range strings.SplitSeq(joined, ",") {
		name = strings.TrimSpace(name)
		named = named || name == "*" || strings.EqualFold(name, "Cookie")
	}
	if !named {
		joined += ", Cookie"
	}
	if !named || len(lines) > 1 {
		h["Vary"] = []string{joined}
	}
}

// isReplaced reports whether a header belongs to the response that is being replaced: to its body,
// to how long a cache may keep it, or to a handshake such as a websocket's.
func isReplaced(name string) bool {
	switch name {
	case "Etag", "Last-Modified", "Location", "Expires", "Pragma", "Age", "X-Accel-Expires", "Surrogate-Control", "Surrogate-Key", "Cache-Tag", "Upgrade":
		return true
	}
	if strings.HasSuffix(name, "Cache-Control") { // and those for a single kind of cache (RFC 9213)
		return true
	}
	if strings.HasPrefix(name, "Sec-Websocket-") {
		return true
	}
	return strings.HasPrefix(name, "Content-") && !strings.HasPrefix(name, "Content-Security-Policy")
}
