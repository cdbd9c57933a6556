package sessiontest_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memory"
	"github.com/ginsession/ginsession/sessiontest"
)

// newShop is the program under test. It is given its Manager, so that a test can have sessions in
// memory and keep hold of them.
func newShop(m *ginsession.Manager) http.Handler {
	r := gin.New()
	r.Use(m.Handler())
	r.POST("/checkout", func(c *gin.Context) {
		s := ginsession.Get(c)
		cart, _ := ginsession.Value[[]string](s, "cart")
		if len(cart) == 0 {
			c.String(http.StatusConflict, "Your cart is empty.")
			return
		}
		s.Pop("cart")
		c.String(http.StatusOK, "%d ordered.", len(cart))
	})
	return r
}

// testCheckout is a test of a handler. In a program it is func TestCheckout(t *testing.T).
func testCheckout(t testing.TB) {
	m, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.Cached(memory.New())})
	if err != nil {
		t.Fatal(err)
	}
	shop := newShop(m)
	v := sessiontest.New(t, m).With("cart", []string{"tea", "cups"})

	response := v.Do(shop, v.Request("POST", "/checkout", nil))
	fmt.Println(response.Code, response.Body)
	fmt.Println("The cart is still there:", v.Session().Has("cart"))

	response = v.Do(shop, v.Request("POST", "/checkout", nil))
	fmt.Println(response.Code, response.Body)
}

// A test of a handler that needs something in the session, and leaves something there.
func Example() {
	gin.SetMode(gin.TestMode)
	testCheckout(exampleT{})
	// Output:
	// 200 2 ordered.
	// The cart is still there: false
	// 409 Your cart is empty.
}

// exampleT is what go test gives to a test.
type exampleT struct{ testing.TB }

func (exampleT) Helper()                           {}
func (exampleT) Context() context.Context          { return context.Background() }
func (exampleT) Fatal(args ...any)                 { log.Fatal(args...) }
func (exampleT) Fatalf(format string, args ...any) { log.Fatalf(format, args...) }
