package signing_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/ginsession/ginsession/signing"
)

func ExampleSigner() {
	signer, err := signing.NewSigner(signing.Config{
		SecretKey: "keep this out of your repository",
		Salt:      "newsletter.unsubscribe",
	})
	if err != nil {
		panic(err)
	}

	token := signer.Sign("ada@example.org")
	fmt.Println(token)

	address, err := signer.Unsign(token)
	fmt.Println(address, err)

	_, err = signer.Unsign("eve" + token)
	fmt.Println(err)
	// Output:
	// ada@example.org:8Z69j0qFf5OEBRfSH_5QtOSrZq9f2k6Qo_NiI4O2oFg
	// ada@example.org <nil>
	// signing: bad signature
}

func ExampleTimestampSigner() {
	signer, err := signing.NewTimestampSigner(signing.Config{
		SecretKey: "keep this out of your repository",
		Salt:      "password.reset",
	})
	if err != nil {
		panic(err)
	}
	sent := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	token := signer.Sign("42", sent)

	user, signedAt, err := signer.Unsign(token, sent.Add(20*time.Minute), time.Hour)
	fmt.Println(user, signedAt.Format(time.TimeOnly), err)

	_, _, err = signer.Unsign(token, sent.Add(2*time.Hour), time.Hour)
	fmt.Println(errors.Is(err, signing.ErrExpired))
	// Output:
	// 42 12:00:00 <nil>
	// true
}

// To replace a secret key, keep the old one as a fallback until what it signed has expired.
func ExampleConfig_rotation() {
	before, err := signing.NewSigner(signing.Config{SecretKey: "the old key"})
	if err != nil {
		panic(err)
	}
	after, err := signing.NewSigner(signing.Config{
		SecretKey:          "the new key",
		SecretKeyFallbacks: []string{"the old key"},
	})
	if err != nil {
		panic(err)
	}

	value, err := after.Unsign(before.Sign("value"))
	fmt.Println(value, err)

	_, err = before.Unsign(after.Sign("value"))
	fmt.Println(err)
	// Output:
	// value <nil>
	// signing: bad signature
}

// Reading a session that Django has written to its table.
func ExampleTimestampSigner_Loads() {
	signer, err := signing.NewTimestampSigner(signing.Config{
		SecretKey: "ginsession-test-secret",
		Salt:      "django.contrib.sessions.SessionStore",
	})
	if err != nil {
		panic(err)
	}
	const sessionData = "eyJhIjoxfQ:1r31eq:81r30uD1FfxbBH73rMGh7j2dsvWDHaOsqA3GEdADOVo"

	data, signedAt, err := signer.Loads(sessionData, time.Now(), 0)
	fmt.Printf("%s %s %v\n", data, signedAt.Format(time.DateTime), err)
	// Output: {"a":1} 2023-11-14 22:13:20 <nil>
}

// The value that Django keeps in a session as _auth_user_hash.
func ExampleSaltedHMAC() {
	const salt = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"
	hash := signing.SaltedHMAC(salt, "pbkdf2_sha256$1$x$y", "ginsession-test-secret")
	fmt.Println(hex.EncodeToString(hash))
	// Output: 768520f8e220c99e3617a609a4c84e2ea96ea6779ee71bd5e5cc9fac4c3d3ed5
}
