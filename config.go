package ginsession

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession/internal/deadline"
	"github.com/ginsession/ginsession/internal/envelope"
)

// Config has one field for each of Django's session settings, with Django's default as its
// zero value, and a few of our own. Only Engine is required.
type Config struct {
	// Engine is where sessions are kept (Django: SESSION_ENGINE). Required: [DB], [File],
	// [Cached], [CachedDB], [SignedCookies] or [Custom].
	Engine Engine

	// CookieName is the cookie's name (SESSION_COOKIE_NAME); "" means "sessionid". In production
	// use "__Host-sessionid" with CookieSecure: browsers take such a cookie from this host alone, so
	// that no sibling domain can put another in its place (RFC 6265bis §4.1.3.2).
	//
	// A name other than "sessionid" is part of what the store knows of a key (with HashKeys) and of
	// what SignedCookies signs (without a Salt): the cookies of two managers that share a store or a
	// SecretKey are not interchangeable. Changing the name therefore ends all sessions.
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
	// NewManager logs a warning if Gin is in release mode without it.
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

	// SaveEveryRequest extends the session's life at every request, not only if it was
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

	// EncryptionKeys encrypt every record (XChaCha20-Poly1305, with keys derived by HKDF-SHA256): the
	// first seals, all open. Each has at least 32 random bytes. A record is bound to its key, to the
	// CookieName and to whether the server or the cookie keeps it, and one that is not encrypted is
	// refused. Whoever can read the store then learns nothing of the data, but still how many sessions
	// there are, their sizes and when they end. With [SignedCookies] it hides the data from the visitor, and no
	// SecretKey is needed. None means no encryption.
	EncryptionKeys []string

	// EncryptionMigrate lets sessions that are not encrypted yet be read; what is changed
	// or extended is written encrypted. To encrypt a live site: deploy EncryptionKeys with
	// EncryptionMigrate On on every node, wait for one CookieAge (or your longest [Session.SetExpiry]),
	// and turn it off again. As long as it is on, whoever can write to the store can write plain sessions.
	// Unset means Off.
	EncryptionMigrate Switch

	// HashKeys keeps session keys out of the store: it sees a SHA-256 digest instead, so that
	// a stolen backup opens no session; unset means On. Off is for stores shared with Django.
	HashKeys Switch

	// NoStore answers each request that used its session with "Cache-Control: private, no-store",
	// so that no cache keeps the page, not even the browser's (OWASP ASVS 14.3.2); unset means Off.
	NoStore Switch

	// MaxLifetime ends a session this long after it began, whatever the activity (OWASP ASVS
	// 7.3.2), in whole seconds; 0 means never.
	MaxLifetime time.Duration

	// MaxSessionsPerOwner bounds how many sessions an owner has at once: [Session.SignIn] ends the
	// oldest sign-ins beyond it. 0 means no limit. It needs an engine that finds sessions by their
	// owner; see [Manager.SessionsOf].
	MaxSessionsPerOwner int

	// RenewAfter makes the expiry slide: a request extends the session's life if the last
	// extension is at least this long ago, so that most requests write nothing. 0 means that
	// only modifications extend it, as in Django. A session whose own life is shorter than
	// twice RenewAfter is extended at half its life. Must be less than CookieAge.
	RenewAfter time.Duration

	// StoreTimeout bounds each wait for the store; 0 means 5 s. A wait may be a sixteenth longer, because
	// those that begin at about the same time share a timer.
	StoreTimeout time.Duration

	// ReadOld reads what another session library has kept for the visitor of a request without a session
	// here, so that nobody is signed out by the change to this one: its values are put into a new session,
	// with a new key, which is saved even if the handler changes nothing. It reports false if there is
	// nothing. A value that cannot be stored is left out, which is logged. Give CookieName the old cookie's name: the new cookie then replaces the old one. Otherwise the
	// old one stays in the browser, and what it holds comes back after a sign-out. For the same reason remove
	// what the old library keeps on the server when it has been read. Remove ReadOld once the old sessions
	// have expired.
	ReadOld func(*http.Request) (values map[string]any, ok bool)

	// ErrorHandler answers a request whose session could not be loaded or saved, before any
	// byte of the handler's own answer. The status is the error's ([ErrInterrupted] 409,
	// [ErrUnavailable] 503, any other 500) and Cache-Control is no-store, unless it sets
	// another; nil answers with a line of text. It must not use the session.
	ErrorHandler func(*gin.Context, error)

	// InterruptSafeMethods answers [ErrInterrupted] (409) to GET, HEAD, OPTIONS and TRACE too, if the
	// session ended while such a request changed it; unset means Off: the response goes out, and
	// what is lost is logged. Turn it on for routes whose GETs matter, such as OAuth callbacks.
	InterruptSafeMethods Switch

	// Logger receives warnings and errors, never a key or a secret; nil means slog.Default().
	Logger *slog.Logger

	// Clock is the only source of time; nil means time.Now.
	Clock func() time.Time

	dates     dates // set by ForDjango, as the next
	forDjango bool  // checked by checkDjango
}

// Format prints the Config without its secrets, whatever the verb.
func (Config) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, "ginsession.Config") }

// LogValue is what slog prints: no secret.
func (Config) LogValue() slog.Value { return slog.StringValue("ginsession.Config") }

// A Switch is a setting with a default: the zero value is unset.
type Switch uint8

// The positions of a [Switch].
const (
	On Switch = iota + 1
	Off
)

// Defaults: Django's, if Django has the setting.
const (
	defaultCookieName   = "sessionid"
	defaultCookieAge    = 14 * 24 * time.Hour
	defaultStoreTimeout = 5 * time.Second
)

// minSecret is the length in bytes below which a SecretKey draws a warning.
const minSecret = 32

// settings is a checked Config with its defaults filled in, and what follows from it.
type settings struct {
	Config
	codec          *codec
	timeout        *deadline.Timeout // StoreTimeout
	shortSecret    bool
	keyPrefix      string // see digestPrefix
	byStoreKey     bool   // sessions are opened by the key that the store knows, as SessionsOf does
	lastAttributes atomic.Pointer[cookieAttributes]
}

// openedByStoreKey returns the same settings for sessions that are opened by the store's key.
func (cfg *settings) openedByStoreKey() *settings {
	return &settings{Config: cfg.Config, codec: cfg.codec, timeout: cfg.timeout, byStoreKey: true}
}

// newSettings checks everything there is to check and reports all of it at once.
func newSettings(cfg Config) (*settings, error) {
	cfg.fillIn()
	var errs []error
	bad := func(field, format string, args ...any) {
		errs = append(errs, configError(field, format, args...))
	}
	if cfg.Engine == nil {
		bad("Engine", "not set: choose where sessions are kept, for instance ginsession.DB(db)")
	}
	cfg.checkCookie(bad)
	cfg.checkLife(bad)
	for _, s := range []struct {
		field    string
		position Switch
	}{
		{"CookieHTTPOnly", cfg.CookieHTTPOnly}, {"HashKeys", cfg.HashKeys}, {"NoStore", cfg.NoStore}, {"EncryptionMigrate", cfg.EncryptionMigrate}, {"InterruptSafeMethods", cfg.InterruptSafeMethods},
	} {
		if s.position > Off {
			bad(s.field, "unknown switch %d: use On or Off", s.position)
		}
	}
	if cfg.StoreTimeout < 0 {
		bad("StoreTimeout", "%v is negative: use a positive duration, or 0 for %v", cfg.StoreTimeout, defaultStoreTimeout)
	}
	cfg.checkSecrets(bad)
	cfg.checkEncryption(bad)
	cfg.checkDjango(bad)
	codec, err := newCodec(&cfg)
	if err != nil && len(errs) == 0 {
		bad("SecretKey", "%v", err)
	}
	short := cfg.SecretKey != "" && len(cfg.SecretKey) < minSecret
	cfg.SecretKey, cfg.SecretKeyFallbacks, cfg.Salt, cfg.EncryptionKeys = "", nil, "", nil // only the codec needs them
	return &settings{Config: cfg, codec: codec, timeout: deadline.NewTimeout(cfg.StoreTimeout), shortSecret: short, keyPrefix: cfg.digestPrefix()}, errors.Join(errs...)
}

func (cfg *Config) fillIn() {
	setDefault(&cfg.CookieName, defaultCookieName)
	setDefault(&cfg.CookieAge, defaultCookieAge)
	setDefault(&cfg.CookiePath, "/")
	setDefault(&cfg.CookieHTTPOnly, On)
	setDefault(&cfg.CookieSameSite, http.SameSiteLaxMode)
	setDefault(&cfg.HashKeys, On)
	setDefault(&cfg.StoreTimeout, defaultStoreTimeout)
	setDefault(&cfg.Serializer, JSON)
	setDefault(&cfg.Logger, slog.Default())
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.ErrorHandler == nil {
		cfg.ErrorHandler = answerError
	}
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// checkCookie refuses a cookie that browsers would drop (RFC 6265bis §4.1, §5.6).
func (cfg *Config) checkCookie(bad func(field, format string, args ...any)) {
	valid := func(c http.Cookie) bool { return c.Valid() == nil }
	if !valid(http.Cookie{Name: cfg.CookieName}) {
		bad("CookieName", "%q is no cookie name: use letters, digits, - and _", cfg.CookieName)
	}
	if cfg.CookieDomain != "" && !valid(http.Cookie{Name: "n", Domain: cfg.CookieDomain}) {
		bad("CookieDomain", "%q is no domain: write it like example.com", cfg.CookieDomain)
	}
	if !strings.HasPrefix(cfg.CookiePath, "/") || !valid(http.Cookie{Name: "n", Path: cfg.CookiePath}) {
		bad("CookiePath", "%q is no cookie path: it begins with / and has no semicolon or control character", cfg.CookiePath)
	}
	if cfg.CookieSameSite < http.SameSiteDefaultMode || cfg.CookieSameSite > http.SameSiteNoneMode {
		bad("CookieSameSite", "unknown value %d: use one of net/http's SameSite constants", cfg.CookieSameSite)
	}
	if cfg.CookieSameSite == http.SameSiteNoneMode && !cfg.CookieSecure {
		bad("CookieSameSite", "None needs CookieSecure: browsers drop the cookie without it")
	}
	if cfg.CookiePartitioned && !cfg.CookieSecure {
		bad("CookiePartitioned", "needs CookieSecure: browsers drop the cookie without it")
	}
	name := strings.ToLower(cfg.CookieName)
	if (strings.HasPrefix(name, "__host-") || strings.HasPrefix(name, "__secure-")) && !cfg.CookieSecure {
		bad("CookieName", "%q needs CookieSecure: browsers drop the cookie without it", cfg.CookieName)
	}
	if strings.HasPrefix(name, "__host-") && (cfg.CookieDomain != "" || cfg.CookiePath != "/") {
		bad("CookieName", "%q needs CookiePath / and no CookieDomain: browsers drop the cookie otherwise", cfg.CookieName)
	}
}

func (cfg *Config) checkLife(bad func(field, format string, args ...any)) {
	if cfg.CookieAge < time.Second || cfg.CookieAge%time.Second != 0 {
		bad("CookieAge", "%v: use whole seconds, at least one, or 0 for %v", cfg.CookieAge, defaultCookieAge)
	}
	if cfg.MaxLifetime < 0 || cfg.MaxLifetime%time.Second != 0 {
		bad("MaxLifetime", "%v: use whole seconds, or 0 for no limit", cfg.MaxLifetime)
	}
	if cfg.MaxSessionsPerOwner < 0 {
		bad("MaxSessionsPerOwner", "%d is negative: use a positive number, or 0 for no limit", cfg.MaxSessionsPerOwner)
	}
	if cfg.RenewAfter < 0 {
		bad("RenewAfter", "%v is negative: use a positive duration, or 0 to extend at modifications only", cfg.RenewAfter)
	}
	if cfg.RenewAfter >= cfg.CookieAge && cfg.RenewAfter > 0 {
		bad("RenewAfter", "%v is not less than CookieAge (%v): sessions would expire before they are extended", cfg.RenewAfter, cfg.CookieAge)
	}
	if cfg.RenewAfter > 0 && cfg.SaveEveryRequest {
		bad("RenewAfter", "has no effect beside SaveEveryRequest: set one of the two")
	}
}

func (cfg *Config) checkSecrets(bad func(field, format string, args ...any)) {
	if cfg.SecretKey != "" {
		for i, key := range cfg.SecretKeyFallbacks {
			if key == "" {
				bad("SecretKeyFallbacks", "number %d is empty: anyone could sign with it; remove it", i)
			}
		}
		return
	}
	if len(cfg.SecretKeyFallbacks) > 0 {
		bad("SecretKeyFallbacks", "needs SecretKey, the key that signs")
	}
	if cfg.Salt != "" {
		bad("Salt", "has no effect without SecretKey: set that or remove this")
	}
}

func (cfg *Config) checkEncryption(bad func(field, format string, args ...any)) {
	for i, key := range cfg.EncryptionKeys {
		if len(key) < envelope.MinKey {
			bad("EncryptionKeys", "key %d has %d bytes: use at least %d random ones", i+1, len(key), envelope.MinKey)
		}
	}
	if len(cfg.EncryptionKeys) > 0 && cfg.forDjango {
		bad("EncryptionKeys", "not with ForDjango: Django cannot read encrypted sessions")
	}
	if len(cfg.EncryptionKeys) == 0 && cfg.EncryptionMigrate == On {
		bad("EncryptionMigrate", "needs EncryptionKeys, which it migrates to")
	}
}

// warn tells, at start-up, of what works but should not go to production.
func (cfg *settings) warn() {
	if cfg.shortSecret {
		cfg.Logger.Warn(fmt.Sprintf("ginsession: Config.SecretKey has fewer than %d bytes and can be guessed: use at least 50 random characters (Django: security.W009)", minSecret))
	}
	if gin.Mode() == gin.ReleaseMode && !cfg.CookieSecure {
		cfg.Logger.Warn("ginsession: Config.CookieSecure is off in release mode: the session cookie travels over plain HTTP too")
	}
}
