// Package ginsession is Django's session framework for Gin: a dictionary for each visitor,
// kept on the server and found again by a cookie that carries only its key.
//
//	ginsession.Migrate(db) // once, before serving
//	r := gin.Default()
//	r.Use(ginsession.New(ginsession.Config{Engine: ginsession.DB(db)}))
//	r.GET("/", func(c *gin.Context) {
//		s := ginsession.Get(c)
//		n, _ := ginsession.Value[int](s, "visits")
//		s.Set("visits", n+1) // saved by itself, before the response's first byte
//		c.JSON(http.StatusOK, gin.H{"visits": n + 1})
//	})
//
// The semantics, the settings and their defaults are Django's. On top of them, requests of one
// visitor that run at the same time lose none of each other's changes, a session that has been
// ended stays ended whatever is still running, and a request that does not use its session
// costs nothing.
package ginsession

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// Config has one field for each of Django's session settings, with Django's default as its
// zero value, and a few of our own. Only Engine is required.
type Config struct {
	// Engine is where sessions are kept (Django: SESSION_ENGINE). Required: [DB], [File],
	// [Cached], [CachedDB], [SignedCookies] or [Custom].
	Engine Engine

	// CookieName is the cookie's name (SESSION_COOKIE_NAME); "" means "sessionid".
	CookieName string

	// CookieAge is how long a session lives without being modified, unless it says otherwise
	// itself, in whole seconds (SESSION_COOKIE_AGE); 0 means 14 days.
	CookieAge time.Duration

	// CookieDomain lets the hosts below a domain share the cookie (SESSION_COOKIE_DOMAIN);
	// "" keeps it to the host that set it.
	CookieDomain string

	// CookiePath is the cookie's path (SESSION_COOKIE_PATH); "" means "/".
	CookiePath string

	// CookieHTTPOnly keeps the cookie from JavaScript (SESSION_COOKIE_HTTPONLY); unset means On.
	CookieHTTPOnly Switch

	// CookieSecure keeps the cookie to HTTPS (SESSION_COOKIE_SECURE). Set it in production:
	// NewManager logs a warning where Gin is in release mode without it.
	CookieSecure bool

	// CookieSameSite is the cookie's SameSite (SESSION_COOKIE_SAMESITE); 0 means Lax.
	// http.SameSiteDefaultMode leaves the attribute out (Django's None).
	CookieSameSite http.SameSite

	// CookiePartitioned keeps the cookie apart for each site that embeds this one (CHIPS).
	// It needs CookieSecure.
	CookiePartitioned bool

	// ExpireAtBrowserClose makes the cookie one that the browser forgets when it closes, for
	// sessions that do not say otherwise themselves (SESSION_EXPIRE_AT_BROWSER_CLOSE). On the
	// server such a session still lives for CookieAge.
	ExpireAtBrowserClose bool

	// SaveEveryRequest extends the session's life at every request, not only where it was
	// modified (SESSION_SAVE_EVERY_REQUEST). It never creates an empty session.
	// RenewAfter is the cheaper way.
	SaveEveryRequest bool

	// Serializer encodes the values (SESSION_SERIALIZER); nil means [JSON].
	Serializer Serializer

	// SecretKey signs every record in Django's format (SECRET_KEY); unsigned ones and those
	// signed with an unknown key are refused. "" leaves records unsigned: they are the
	// server's own. [SignedCookies] needs it.
	SecretKey string

	// SecretKeyFallbacks are retired keys that still verify (SECRET_KEY_FALLBACKS).
	SecretKeyFallbacks []string

	// Salt separates these records from others signed with the same SecretKey; "" means the
	// one that Django's own session class has.
	Salt string

	// HashKeys keeps session keys out of the store: it sees a SHA-256 digest instead, so that
	// a stolen backup opens no session; unset means On. Off is for stores shared with Django.
	HashKeys Switch

	// MaxLifetime ends a session this long after it began, whatever the activity (OWASP ASVS
	// 7.3.2), in whole seconds; 0 means never.
	MaxLifetime time.Duration

	// RenewAfter makes the expiry slide: a request extends the session's life where the last
	// extension is at least this long ago, so that most requests write nothing. 0 means that
	// only modifications extend it, as in Django. A session whose own life is shorter than
	// twice RenewAfter is extended at half its life. Must be less than CookieAge.
	RenewAfter time.Duration

	// StoreTimeout bounds each wait for the store; 0 means 5 s.
	StoreTimeout time.Duration

	// ErrorHandler answers a request whose session could not be loaded or saved, before any
	// byte of the handler's own answer. The status is the error's ([ErrInterrupted] 409,
	// [ErrUnavailable] 503, any other 500) unless it sets another; nil adds a line of text. It
	// must not use the session.
	ErrorHandler func(*gin.Context, error)

	// Logger receives warnings and errors, never a key or a secret; nil means slog.Default().
	Logger *slog.Logger

	// Clock is the only source of time; nil means time.Now.
	Clock func() time.Time

	dates     dates // set by ForDjango, as the next
	forDjango bool  // checked by checkDjango
}

// A Switch is a setting whose default is On. The zero value is unset.
type Switch uint8

// The positions of a [Switch].
const (
	On Switch = iota + 1
	Off
)

// New returns the middleware: [NewManager] and its [Manager.Handler]. It panics on a bad
// Config, at start-up, naming every field that is wrong.
func New(cfg Config) gin.HandlerFunc {
	m, err := NewManager(cfg)
	if err != nil {
		panic(err)
	}
	return m.Handler()
}

// Get returns the visitor's session, never nil. It reads nothing yet: the first use of the
// session does. Where a route has two managers it is the innermost one's; see [Manager.Get].
// It panics where the middleware is not installed.
func Get(c *gin.Context) *Session {
	r := attached(c)
	if r == nil {
		panic("ginsession: no session in this request: install the middleware with r.Use(ginsession.New(cfg)) before the route")
	}
	return r.current(c)
}

// Value returns what is stored under key as a T: the T that was Set in this request, or what
// the stored value decodes into (a struct, a slice, an int, a time.Time). It is false where
// the key is absent or its value is no T. Value[json.RawMessage] gives the stored bytes.
//
// A map or slice is the session's own: what the handler changes in it is saved.
func Value[T any](s *Session, key string) (T, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var none T
	e := s.lookup(key)
	if e == nil {
		return none, false
	}
	return valueFor[T](s, e)
}

// Modify replaces the value of key by f(old, ok), where ok tells whether there was one, and
// loses no update: where another request saved the session first, f runs again on the value
// that is stored now. So f must be pure: no session, no I/O. The T returned is provisional,
// computed from what this request has read: what is done to it afterwards is not saved.
//
// The error is why nothing was recorded: the session could not be loaded, or the stored value
// is no T. [SignedCookies] cannot do it: errors.ErrUnsupported.
func Modify[T any](s *Session, key string, f func(old T, ok bool) T) (T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var result T
	err := s.modify(key, func(raw string, ok bool) (any, error) {
		var old T
		if ok {
			if err := s.m.codec.decodeInto(key, raw, &old); err != nil {
				return nil, err
			}
		}
		result = f(old, ok)
		return result, nil
	})
	return result, err
}

// Claim removes key from the session in the store, at once, and returns its value: of
// concurrent claimants exactly one gets it. It is for one-time tokens. Where the key is absent
// it returns false and no error.
//
// The error means that the value must not be relied on: the store failed ([ErrUnavailable]),
// the session has been ended ([ErrInterrupted]) or the stored value is no T, which stays. [SignedCookies]
// cannot do it: errors.ErrUnsupported.
func Claim[T any](s *Session, key string) (T, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var value T
	ok, err := s.claim(key, func(raw string) error {
		value = *new(T)
		return s.m.codec.decodeInto(key, raw, &value)
	})
	if err != nil || !ok {
		return *new(T), false, err
	}
	return value, true, nil
}
