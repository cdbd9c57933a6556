package ginsession_test

import (
	"testing"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/enginetest"
)

func TestSignedCookiesEngine(t *testing.T) {
	enginetest.Engine(t, func(*testing.T) ginsession.Engine { return ginsession.SignedCookies() })
}
