package ginsession

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
)

// The errors a program can test for with errors.Is. Their texts, and the texts of the errors
// that wrap them, never hold a session key, a cookie value or a secret.
var (
	// ErrConfig is wrapped by every error of [NewManager], [Migrate] and [Session.CookieAttributes] that
	// must be fixed in the program: the text names the field and says what to write instead.
	ErrConfig = errors.New("ginsession: bad configuration")

	// ErrKeyNotFound is returned by [Session.Delete] for a key that is not in the session
	// (Django raises KeyError).
	ErrKeyNotFound = errors.New("ginsession: no such key in the session")

	// ErrInterrupted means that the session was ended (signed out, expired) by somebody else
	// while this request changed it; the change is dropped. Answered with 409.
	// Source: Django's SessionInterrupted.
	ErrInterrupted = errors.New("ginsession: your session ended while this request ran")

	// ErrUnavailable means that the store could not be read or written. Answered with 503.
	ErrUnavailable = errors.New("ginsession: the session store is unavailable")

	// ErrEncode means that a value cannot be stored: a channel, a function, NaN. The text names its
	// key. Nothing was saved. Answered with 500.
	ErrEncode = errors.New("ginsession: a value cannot be stored")

	// ErrCookieTooLarge means that the cookie's name and value exceed 4096 bytes, which
	// browsers silently drop (RFC 6265 §6.1). No cookie was sent. Answered with 500.
	ErrCookieTooLarge = errors.New("ginsession: the cookie exceeds 4096 bytes")

	// ErrHeadersWritten is logged if a session that the client has no cookie for is changed after the
	// response's headers were sent: nothing could be saved. [Session.CycleKey] returns it.
	ErrHeadersWritten = errors.New("ginsession: the session was changed after the response's headers were sent")
)

// A ConfigError says which field of a [Config], or which argument of an engine's constructor, is
// wrong, for errors.As. It wraps [ErrConfig]. [NewManager] joins one for each mistake.
type ConfigError struct {
	Field   string // of Config, such as "CookieAge"
	Problem string // what is wrong, and what to write instead
}

// Error names the field and says what is wrong with it.
func (e *ConfigError) Error() string { return ErrConfig.Error() + ": " + e.Field + ": " + e.Problem }

// Unwrap returns [ErrConfig].
func (e *ConfigError) Unwrap() error { return ErrConfig }

func configError(field, format string, args ...any) error {
	return &ConfigError{Field: field, Problem: fmt.Sprintf(format, args...)}
}

// The errors of a [Store].
var (
	// ErrNotFound means that no live record has this key: absent, or expired.
	ErrNotFound = errors.New("ginsession: no such session")

	// ErrExists means that there is already a live record with this key.
	ErrExists = errors.New("ginsession: a session with this key exists")

	// ErrConflict means that other writers won every attempt to update the record until the
	// context ended.
	ErrConflict = errors.New("ginsession: the session is being changed by too many requests at once")
)

// statusOf is the status of the answer to an error of the session's.
func statusOf(err error) int {
	switch {
	case errors.Is(err, ErrInterrupted):
		return http.StatusConflict
	case errors.Is(err, ErrUnavailable):
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// answerError is the default ErrorHandler.
func answerError(c *gin.Context, err error) {
	status := statusOf(err)
	text := "The session could not be saved."
	switch status {
	case http.StatusConflict:
		text = "Your session ended while this request ran."
	case http.StatusServiceUnavailable:
		text = "Sessions are unavailable at the moment. Please try again."
	}
	c.String(status, "%s\n", text)
}

// errEnded is what a store's ErrNotFound means to a session that has been loaded.
var errEnded = fmt.Errorf("%w: %w", ErrInterrupted, ErrNotFound)

// unavailable wraps a store's failure.
func unavailable(err error) error {
	if errors.Is(err, ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
