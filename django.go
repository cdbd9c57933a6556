package ginsession

import (
	"fmt"
	"log/slog"
	"time"

	"gorm.io/gorm"
)

// DjangoOptions are the settings of the Django site that [ForDjango] shares sessions with.
type DjangoOptions struct {
	// SecretKey is Django's SECRET_KEY. Required.
	SecretKey string

	// Fallbacks are Django's SECRET_KEY_FALLBACKS.
	Fallbacks []string

	// Salt is for sites whose session class overrides key_salt or is not called SessionStore:
	// its key_salt, "django.contrib.sessions." and the class's name. "" is Django's own, which
	// for [SignedCookies] is another one.
	Salt string

	// Location is the site's TIME_ZONE if its USE_TZ is off, the default before Django 5.0;
	// nil means that USE_TZ is on.
	Location *time.Location

	// Before41 is for Django before 4.1, which cannot read the date of an [ExpireAt]: it is
	// stored as the whole seconds that are left, at least one, and counts from then on as an
	// [ExpireAfter] does.
	Before41 bool
}

// Format prints the options without their secrets, whatever the verb.
func (DjangoOptions) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, "ginsession.DjangoOptions") }

// LogValue is what slog prints: no secret.
func (DjangoOptions) LogValue() slog.Value { return slog.StringValue("ginsession.DjangoOptions") }

// dates is how Django writes the dates in its records.
type dates struct {
	location *time.Location // nil: UTC, with an offset if the form has one
	before41 bool
}

// ForDjango returns a Config that shares live sessions with a Django site through its table
// django_session, both ways. Cookie settings are Django's defaults: if the site's differ,
// set the same here.
//
// For Django's other backends, change the Engine: File(dir) for its file backend,
// SignedCookies() for signed_cookies. Its cache and cached_db backends cannot be shared: they
// hold Python pickles, and Django would answer from them for a session that has ended here.
//
// Django overwrites a session's record as a whole. If it does so at the same time, [Modify] may
// lose an update and [Claim] may succeed twice, so keep one-time tokens out of shared sessions.
func ForDjango(db *gorm.DB, o DjangoOptions) Config {
	return Config{
		Engine:             DB(db, TableName(djangoTable)),
		SecretKey:          o.SecretKey,
		SecretKeyFallbacks: o.Fallbacks,
		Salt:               o.Salt,
		HashKeys:           Off,
		dates:              dates{location: o.Location, before41: o.Before41},
		forDjango:          true,
	}
}

// checkDjango refuses changes to a Config of [ForDjango] with which the two programs would not
// see each other's sessions, and nothing would tell.
func (cfg *Config) checkDjango(bad func(field, format string, args ...any)) {
	if !cfg.forDjango {
		return
	}
	if cfg.SecretKey == "" {
		bad("SecretKey", "not set: give Django's SECRET_KEY in DjangoOptions")
	}
	if cfg.HashKeys == On {
		bad("HashKeys", "must be Off: Django keeps keys as they are")
	}
	if !writesJSON(cfg.Serializer) {
		bad("Serializer", "must be JSON: Django reads nothing else")
	}
	switch cfg.Engine.(type) {
	case cachedEngine, cachedDBEngine:
		bad("Engine", "a cache cannot be shared with Django, nor does it see Django's writes to the table: use DB, File or SignedCookies")
	}
}
