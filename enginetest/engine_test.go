package enginetest_test

import (
	"testing"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/enginetest"
	"github.com/ginsession/ginsession/internal/testsite"
)

func TestEngine(t *testing.T) {
	enginetest.Engine(t, func(*testing.T) ginsession.Engine { return ginsession.Custom(testsite.NewStore()) })
}

func TestStatelessEngine(t *testing.T) {
	enginetest.Engine(t, func(*testing.T) ginsession.Engine { return ginsession.SignedCookies() })
}
