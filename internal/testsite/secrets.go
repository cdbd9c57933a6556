package testsite

import (
	"regexp"
	"strings"

	"github.com/ginsession/ginsession"
)

// secretShapes are what no log may have: a session key, a store's digest of one, the value of a signed
// cookie or record, and an encrypted one.
var secretShapes = regexp.MustCompile(`\b(?:[a-z0-9]{32}|[0-9a-v]{40}|[\w.-]+:[0-9A-Za-z]{6}:[\w-]{43}|gs1\.[\w-]{40,})\b`)

// minSecret is the length below which a secret of a test may be a word of a log.
const minSecret = 12

// FindSecret returns what in a log must not be there, or "": one of the secrets, or anything that has
// the form of a session key or a cookie's value.
func FindSecret(log string, secrets ...string) string {
	for _, secret := range secrets {
		if len(secret) >= minSecret && strings.Contains(log, secret) {
			return secret
		}
	}
	return secretShapes.FindString(log)
}

// secretsOf returns the secrets of a Config.
func secretsOf(cfg ginsession.Config) []string {
	secrets := append([]string{cfg.SecretKey}, cfg.SecretKeyFallbacks...)
	return append(secrets, cfg.EncryptionKeys...)
}
