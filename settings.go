package ginsession

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

// Defaults, Django's where Django has the setting.
const (
	defaultCookieName   = "sessionid"
	defaultCookieAge    = 14 * 24 * time.Hour
	defaultStoreTimeout = 5 * time.Second
)

// settings is a checked Config with its defaults filled in, and what follows from it.
type settings struct {
	Config
	codec *codec
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
	if cfg.CookieHTTPOnly > Off {
		bad("CookieHTTPOnly", "unknown switch %d: use On or Off", cfg.CookieHTTPOnly)
	}
	if cfg.HashKeys > Off {
		bad("HashKeys", "unknown switch %d: use On or Off", cfg.HashKeys)
	}
	if cfg.StoreTimeout < 0 {
		bad("StoreTimeout", "%v is negative: use a positive duration, or 0 for %v", cfg.StoreTimeout, defaultStoreTimeout)
	}
	cfg.checkSecrets(bad)
	cfg.checkDjango(bad)
	codec, err := newCodec(&cfg)
	if err != nil && len(errs) == 0 {
		bad("SecretKey", "%v", err)
	}
	return &settings{Config: cfg, codec: codec}, errors.Join(errs...)
}

// configError says which field is wrong and what to write instead.
func configError(field, format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s", ErrConfig, field, fmt.Sprintf(format, args...))
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

// warn tells, at start-up, of what works but should not go to production.
func (cfg *Config) warn() {
	if gin.Mode() == gin.ReleaseMode && !cfg.CookieSecure {
		cfg.Logger.Warn("ginsession: Config.CookieSecure is off in release mode: the session cookie travels over plain HTTP too")
	}
}
