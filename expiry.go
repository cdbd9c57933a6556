package ginsession

import (
	"cmp"
	"math"
	"time"

	"github.com/ginsession/ginsession/internal/isodate"
)

// An Expiry says when a session ends: [ExpireAfter], [ExpireAt], [ExpireAtBrowserClose] or
// [ExpireDefault], the zero value. Source: the argument of Django's set_expiry.
type Expiry struct {
	kind expiryKind
	age  time.Duration
	at   time.Time
}

type expiryKind uint8

const (
	expireDefault expiryKind = iota
	expireBrowserClose
	expireAfter
	expireAt
)

// The expiries that need no argument.
var (
	// ExpireDefault follows Config.CookieAge and Config.ExpireAtBrowserClose (Django: None).
	ExpireDefault = Expiry{}

	// ExpireAtBrowserClose has the browser forget the cookie when it closes (Django: 0). On the
	// server the session lives for Config.CookieAge.
	ExpireAtBrowserClose = Expiry{kind: expireBrowserClose}
)

// ExpireAfter ends the session when it has not been modified for d, rounded up to whole seconds
// (Django: an integer). 0 is [ExpireAtBrowserClose].
func ExpireAfter(d time.Duration) Expiry {
	if d == 0 {
		return ExpireAtBrowserClose
	}
	age := d.Truncate(time.Second)
	if age < d && age < maxAge*time.Second {
		age += time.Second
	}
	return Expiry{kind: expireAfter, age: age}
}

// ExpireAt ends the session at t, whatever the activity (Django: a datetime or timedelta). A date
// outside the years 1 to 9999 is replaced by the nearest one inside.
func ExpireAt(t time.Time) Expiry { return Expiry{kind: expireAt, at: t} }

// An ExpiryOption changes what [Session.ExpiryAge] and [Session.ExpiryDate] start from.
type ExpiryOption func(*expiryQuestion)

type expiryQuestion struct {
	modification time.Time
	expiry       Expiry
	given        bool // the expiry is not the session's own
}

// ModifiedAt takes t, instead of now, as the time of the session's last modification (Django:
// modification=).
func ModifiedAt(t time.Time) ExpiryOption {
	return func(q *expiryQuestion) { q.modification = t }
}

// WithExpiry takes e instead of the session's own expiry, which is then not loaded (Django:
// expiry=).
func WithExpiry(e Expiry) ExpiryOption {
	return func(q *expiryQuestion) { q.expiry, q.given = e, true }
}

// SetExpiry gives the session an expiry of its own, kept with its data; [ExpireDefault] takes
// it away. Source: Django's set_expiry.
func (s *Session) SetExpiry(e Expiry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.use() {
		return
	}
	if e.kind != expireDefault {
		s.assign(change{op: opSet, key: expiryKey, value: s.m.cfg.expiryValue(e)})
		return
	}
	if entry := s.dict.find(expiryKey); entry != nil {
		s.remove(entry)
	}
}

// ExpiryAge returns how long the session will live if it is modified now. For an absolute date it
// is a whole number of seconds, negative if the date is past. Source: Django's get_expiry_age.
func (s *Session) ExpiryAge(options ...ExpiryOption) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m.cfg.ageAt(s.question(options))
}

// ExpiryDate returns when the session ends if it is modified now. Source: Django's
// get_expiry_date.
func (s *Session) ExpiryDate(options ...ExpiryOption) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m.cfg.dateOf(s.question(options))
}

// StoredUntil returns when the session ends in the store, as it was last read or saved: what
// this request has changed and not saved does not count. It is zero if nothing is stored. With
// [SignedCookies] it is when the cookie's session ends.
func (s *Session) StoredUntil() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ensureLoaded()
	return s.base.Expires
}

func (s *Session) question(options []ExpiryOption) expiryQuestion {
	q := expiryQuestion{modification: s.m.cfg.Clock()}
	for _, option := range options {
		option(&q)
	}
	if !q.given && s.use() {
		q.expiry = s.m.cfg.expiryOf(&s.dict)
	}
	return q
}

// ExpiresAtBrowserClose reports whether the browser forgets the session's cookie when it
// closes. Source: Django's get_expire_at_browser_close.
func (s *Session) ExpiresAtBrowserClose() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.use()
	return s.m.cfg.browserClose(&s.dict)
}

// CookieAge returns Config.CookieAge. Source: Django's get_session_cookie_age.
func (s *Session) CookieAge() time.Duration { return s.m.cfg.CookieAge }

// ageAt returns how long a session lives that was modified when the question says.
func (cfg *settings) ageAt(q expiryQuestion) time.Duration {
	switch q.expiry.kind {
	case expireAfter:
		return q.expiry.age
	case expireAt:
		return floorSeconds(q.expiry.at.Sub(q.modification))
	default:
		return cfg.CookieAge
	}
}

func (cfg *settings) dateOf(q expiryQuestion) time.Time {
	if q.expiry.kind == expireAt {
		return q.expiry.at
	}
	return cfg.add(q.modification, cfg.ageAt(q))
}

// add adds by the clock on the wall if dates are kept without a zone, as Django adds to a date
// that has none (USE_TZ off): a session that lives across a change to summer time lives an hour
// less.
func (cfg *settings) add(t time.Time, d time.Duration) time.Time {
	if cfg.dates.location == nil {
		return t.Add(d)
	}
	t = t.In(cfg.dates.location)
	_, offset := t.Zone()
	wall := t.Add(time.Duration(offset) * time.Second).UTC().Add(d)
	return time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), wall.Nanosecond(), cfg.dates.location)
}

// floorSeconds rounds down, also below zero, as Python's timedelta does.
func floorSeconds(d time.Duration) time.Duration {
	floor := d.Truncate(time.Second)
	if floor > d && floor > -maxAge*time.Second {
		floor -= time.Second
	}
	return floor
}

// deadline returns when a session that is saved now ends.
func (cfg *settings) deadline(d *document, now time.Time) time.Time {
	date := cfg.dateOf(expiryQuestion{modification: now, expiry: cfg.expiryOf(d)})
	if end, ok := cfg.endOfLife(d); ok && end.Before(date) {
		return end
	}
	return date
}

// storedEnd is the deadline as stores keep it, in whole seconds: none ends a session too early.
func (cfg *settings) storedEnd(d *document, now time.Time) time.Time {
	return ceilSecond(cfg.deadline(d, now))
}

func ceilSecond(t time.Time) time.Time {
	if whole := t.Truncate(time.Second); whole.Before(t) {
		return whole.Add(time.Second)
	}
	return t
}

func (cfg *settings) browserClose(d *document) bool {
	if expiry := cfg.expiryOf(d); expiry.kind != expireDefault {
		return expiry.kind == expireBrowserClose
	}
	return cfg.ExpireAtBrowserClose
}

// endOfLife returns when MaxLifetime ends the session, if it does and has begun to count.
func (cfg *settings) endOfLife(d *document) (time.Time, bool) {
	if cfg.MaxLifetime == 0 || d.find(startedKey) == nil {
		return time.Time{}, false
	}
	return cfg.started(d, time.Time{}).Add(cfg.MaxLifetime), true
}

// started returns when the session began: now, unless something else is recorded.
func (cfg *settings) started(d *document, now time.Time) time.Time {
	if e := d.find(startedKey); e != nil {
		if seconds, ok := valueOf[int64](cfg.codec, e); ok {
			return time.Unix(seconds, 0)
		}
	}
	return now
}

// The text of a date in a record: with an offset, as Django writes it with USE_TZ on, and
// without, in local time, as it does with USE_TZ off.
const (
	dateLayout      = "2006-01-02T15:04:05.000000-07:00"
	naiveDateLayout = "2006-01-02T15:04:05.000000"
)

// expiryValue returns what stands for e in the dictionary: whole seconds or a date as text.
func (cfg *settings) expiryValue(e Expiry) any {
	switch {
	case e.kind != expireAt:
		return int64(e.age / time.Second)
	case cfg.dates.before41:
		return max(1, int64(e.at.Sub(cfg.Clock())/time.Second))
	case cfg.dates.location != nil:
		return inCalendar(e.at, cfg.dates.location).Format(naiveDateLayout)
	default:
		return inCalendar(e.at, time.UTC).Format(dateLayout)
	}
}

// inCalendar returns t in a zone, or the first or last moment that Python's datetime has there, the
// years 1 to 9999.
func inCalendar(t time.Time, zone *time.Location) time.Time {
	first := time.Date(1, 1, 1, 0, 0, 0, 0, zone)
	last := time.Date(9999, 12, 31, 23, 59, 59, 999999000, zone)
	switch {
	case t.Before(first):
		return first
	case t.After(last):
		return last
	}
	return t.In(zone)
}

// expiryOf reads the session's own expiry. One that cannot be read counts as none.
func (cfg *settings) expiryOf(d *document) Expiry {
	e := d.find(expiryKey)
	if e == nil {
		return ExpireDefault
	}
	v, _ := valueOf[any](cfg.codec, e)
	switch v := v.(type) {
	case int64:
		return ExpireAfter(time.Duration(clamp(v)) * time.Second)
	case float64:
		return ExpireAfter(time.Duration(clamp(v) * float64(time.Second)))
	case string:
		if t, ok := cfg.parseDate(v); ok {
			return ExpireAt(t)
		}
	}
	return ExpireDefault
}

// maxAge is the longest age that a time.Duration holds, in whole seconds: 292 years.
const maxAge = math.MaxInt64 / time.Second

func clamp[T int64 | float64](v T) T { return max(min(v, T(maxAge)), -T(maxAge)) }

// parseDate reads what Python's datetime.fromisoformat reads, as Django does.
func (cfg *settings) parseDate(text string) (time.Time, bool) {
	return isodate.Parse(text, cmp.Or(cfg.dates.location, time.UTC))
}

// renewalDue reports whether the last extension is RenewAfter ago, or half the session's life
// if that is shorter.
func (cfg *settings) renewalDue(s *Session, now time.Time) bool {
	expiry := cfg.expiryOf(&s.dict)
	if cfg.RenewAfter == 0 || expiry.kind == expireAt {
		return false
	}
	age := cfg.ageAt(expiryQuestion{modification: now, expiry: expiry})
	extended := s.base.Expires.Add(-age)
	if end, ok := cfg.endOfLife(&s.dict); ok && !s.base.Expires.Before(end) {
		return false
	}
	return now.Sub(extended) >= min(cfg.RenewAfter, age/2)
}
