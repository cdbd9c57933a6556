package gincontrib

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	gorilla "github.com/gorilla/sessions"

	"github.com/ginsession/ginsession"
)

// setCookie sets the session's cookie under the name, in the place of one that this response sets
// already, and keeps shared caches from both.
func (st *Store) setCookie(w http.ResponseWriter, name string, s *ginsession.Session, o *gorilla.Options) error {
	cookie := st.m.Cookie(s)
	if cookie == nil { // there was none to delete
		return nil
	}
	cookie.Name = name
	setAttributes(cookie, o, st.options.Load() != nil)
	if err := checkCookie(cookie); err != nil {
		return err
	}
	h := w.Header()
	h["Set-Cookie"] = slices.DeleteFunc(h["Set-Cookie"], func(line string) bool { return strings.HasPrefix(line, name+"=") })
	http.SetCookie(w, cookie)
	if !slices.Contains(h["Vary"], "Cookie") {
		h.Add("Vary", "Cookie")
	}
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "private")
	}
	return nil
}

// setAttributes gives the cookie the attributes of o: all, or those that are not zero.
func setAttributes(c *http.Cookie, o *gorilla.Options, all bool) {
	override(&c.Path, all || o.Path != "", o.Path)
	override(&c.Domain, all || o.Domain != "", o.Domain)
	override(&c.Secure, all || o.Secure, o.Secure)
	override(&c.HttpOnly, all || o.HttpOnly, o.HttpOnly)
	override(&c.Partitioned, all || o.Partitioned, o.Partitioned)
	override(&c.SameSite, all || o.SameSite != 0, o.SameSite)
}

func override[T any](field *T, when bool, value T) {
	if when {
		*field = value
	}
}

// maxCookie is the most that browsers keep of a cookie's name and value together, in bytes
// (RFC 6265bis §5.6).
const maxCookie = 4096

// checkCookie refuses a cookie that browsers would drop (RFC 6265bis §4.1, §5.6).
func checkCookie(c *http.Cookie) error {
	name := strings.ToLower(c.Name)
	host := strings.HasPrefix(name, "__host-")
	switch {
	case c.Valid() != nil:
		return fmt.Errorf("%w: the cookie %q: %w", ginsession.ErrConfig, c.Name, c.Valid())
	case len(c.Name)+len(c.Value) > maxCookie:
		return ginsession.ErrCookieTooLarge
	case c.Secure:
	case host || strings.HasPrefix(name, "__secure-"), c.SameSite == http.SameSiteNoneMode, c.Partitioned:
		return fmt.Errorf("%w: the cookie %q needs Secure: browsers drop it otherwise", ginsession.ErrConfig, c.Name)
	}
	if host && (c.Domain != "" || c.Path != "/") {
		return fmt.Errorf("%w: the cookie %q needs Path / and no Domain: browsers drop it otherwise", ginsession.ErrConfig, c.Name)
	}
	return nil
}
