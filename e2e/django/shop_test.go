package django_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/django"
)

// A shop is the Gin program beside the site, with the same pages.
type shop struct {
	manager   *ginsession.Manager
	db        *gorm.DB
	secretKey string
	url       string
}

func startShop(t *testing.T, s *site, config ginsession.Config) *shop {
	t.Helper()
	manager, err := ginsession.NewManager(config)
	if err != nil {
		t.Fatal(err)
	}
	p := &shop{manager: manager, db: s.db, secretKey: s.SecretKey}
	gin.SetMode(gin.TestMode)
	r := gin.New()
	r.Use(manager.Handler())
	r.GET("/cart/", p.answer)
	r.POST("/cart/", p.fill, p.answer)
	r.POST("/remember/", p.remember, p.answer)
	r.POST("/logout/", p.logout)
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

// A page is what both programs show.
type page struct {
	User string   `json:"user"`
	Cart []string `json:"cart"`
	CSRF string   `json:"csrf"` // Django only
}

func (p *shop) answer(c *gin.Context) {
	s := ginsession.Get(c)
	cart, _ := ginsession.Value[[]string](s, "cart")
	name, err := p.userName(s)
	if err != nil {
		_ = c.AbortWithError(http.StatusInternalServerError, err)
		return
	}
	c.JSON(http.StatusOK, page{User: name, Cart: cart})
}

// userName returns the name of who is signed in, by the rules of Django's get_user.
func (p *shop) userName(s *ginsession.Session) (string, error) {
	id, ok := django.UserID(s)
	if !ok {
		return "", nil
	}
	var user struct{ Username, Password string }
	err := p.db.Table("auth_user").Where("id = ? AND is_active", id).Take(&user).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return "", nil
	}
	if err != nil || !django.VerifyAuthHash(s, user.Password, p.secretKey) {
		return "", err
	}
	return user.Username, nil
}

func (p *shop) fill(c *gin.Context) {
	cart, _ := ginsession.Value[[]string](ginsession.Get(c), "cart")
	ginsession.Get(c).Set("cart", append(cart, c.PostForm("item")))
}

func (p *shop) remember(c *gin.Context) {
	seconds, err := strconv.Atoi(c.PostForm("seconds"))
	if err != nil {
		_ = c.AbortWithError(http.StatusBadRequest, err)
		return
	}
	life := time.Duration(seconds) * time.Second
	if c.PostForm("until") == "true" {
		ginsession.Get(c).SetExpiry(ginsession.ExpireAt(time.Now().Add(life)))
		return
	}
	ginsession.Get(c).SetExpiry(ginsession.ExpireAfter(life))
}

func (p *shop) logout(c *gin.Context) {
	if err := django.Logout(ginsession.Get(c)); err != nil {
		return // the middleware answers
	}
	c.Status(http.StatusNoContent)
}
