// Package django tells who has signed in to a Django site, from a session that a Gin program
// shares with it (ginsession.ForDjango), and signs in and out for both.
//
//	id, ok := django.UserID(s)
//	if ok {
//		user, err := findUser(id) // in the site's table auth_user
//		ok = err == nil && user.IsActive && django.VerifyAuthHash(s, user.Password, secretKey)
//	}
package django

import (
	"crypto/hmac"
	"encoding/hex"
	"errors"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/signing"
)

// The keys of django.contrib.auth, and that of a site with CSRF_USE_SESSIONS.
const (
	userIDKey    = "_auth_user_id"
	backendKey   = "_auth_user_backend"
	hashKey      = "_auth_user_hash"
	csrfTokenKey = "_csrftoken"
)

// UserID returns the primary key of the user who has signed in, as text, and whether anybody
// has. It reports only what the session says: a user who has since been deleted, deactivated
// (is_active) or given another password still has it. So load the user, check is_active and call
// [VerifyAuthHash], as Django does at every request.
func UserID(s *ginsession.Session) (id string, ok bool) {
	id, _ = ginsession.Value[string](s, userIDKey)
	return id, id != ""
}

// VerifyAuthHash reports whether the user's password is still the one used at sign-in: changing
// the password ends every other session. encodedPassword is the password as stored in the database
// ("pbkdf2_sha256$..."); secretKeys are the site's SECRET_KEY and, for Django 4.2 and later, its
// SECRET_KEY_FALLBACKS. The comparison takes constant time. It does not cover is_active.
func VerifyAuthHash(s *ginsession.Session, encodedPassword string, secretKeys ...string) bool {
	stored, _ := ginsession.Value[string](s, hashKey)
	verified := false
	for _, secretKey := range secretKeys {
		if secretKey != "" && hmac.Equal([]byte(stored), []byte(authHash(encodedPassword, secretKey))) {
			verified = true
		}
	}
	return verified
}

// authHash depends on the password but does not reveal it. Source: Django's
// AbstractBaseUser.get_session_auth_hash, with SHA-256.
func authHash(encodedPassword, secretKey string) string {
	const salt = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"
	return hex.EncodeToString(signing.SaltedHMAC(salt, encodedPassword, secretKey))
}

// A User is what [Login] needs to know of a row of auth_user.
type User struct {
	// ID is the primary key as text.
	ID string

	// EncodedPassword is the password as the database has it.
	EncodedPassword string

	// Backend is the authentication backend that answers for the user, one of the site's
	// AUTHENTICATION_BACKENDS; "" means "django.contrib.auth.backends.ModelBackend".
	Backend string
}

// Login signs a user in, here and in Django. It does not ask for a password, nor look at
// is_active: the caller must have done both. As Django's login does, it renews the session's key,
// keeps what the visitor has in the session, unless that was another user's, and drops the
// CSRF token of a site with CSRF_USE_SESSIONS. secretKey is the site's SECRET_KEY.
//
// The error is the session's, which could not be loaded or flushed, or says what is missing.
func Login(s *ginsession.Session, u User, secretKey string) error {
	if u.ID == "" || secretKey == "" {
		return errors.New("django: Login needs User.ID and the site's SECRET_KEY")
	}
	if err := renew(s, u, secretKey); err != nil {
		return err
	}
	backend := u.Backend
	if backend == "" {
		backend = "django.contrib.auth.backends.ModelBackend"
	}
	s.Pop(csrfTokenKey)
	s.Set(userIDKey, u.ID)
	s.Set(backendKey, backend)
	s.Set(hashKey, authHash(u.EncodedPassword, secretKey))
	return nil
}

// renew removes the data of another user, and of the same user before a change of password.
func renew(s *ginsession.Session, u User, secretKey string) error {
	if !s.Has(userIDKey) {
		return s.CycleKey()
	}
	if id, _ := UserID(s); id != u.ID || !VerifyAuthHash(s, u.EncodedPassword, secretKey) {
		return s.Flush()
	}
	return s.CycleKey()
}

// Logout signs the user out, here and in Django: the session is deleted with all that is in it,
// and the browser's cookie too. If it returns an error, the session may still exist; the
// middleware then replaces the handler's answer.
//
// The site must use the db, file or signed_cookies backend. With cached_db, Django continues to
// answer from its cache, and the user stays signed in there.
func Logout(s *ginsession.Session) error { return s.Flush() }
