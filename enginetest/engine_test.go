package enginetest_test

import (
	"testing"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/enginetest"
)

func TestEngine(t *testing.T) {
	enginetest.Engine(t, func(*testing.T) ginsession.Engine { return ginsession.Custom(newMapStore()) })
}

func TestStatelessEngine(t *testing.T) {
	enginetest.Engine(t, func(*testing.T) ginsession.Engine { return ginsession.SignedCookies() })
}
