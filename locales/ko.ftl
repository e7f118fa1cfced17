### 화면에 쓰는 말, 한국어. 키는 en.ftl과 같습니다.
### 무슨 일이 있었는지, 이제 무엇을 하면 되는지를 알리고, 원인을 지어내지 않습니다.

## 모든 화면

# 이 언어가 자신을 부르는 이름. 언어 선택에 나옵니다.
language-name = 한국어
language-switch = 언어
footer-help = 도움말
footer-privacy = 개인정보 처리방침
footer-cookies = 쿠키는 로그인에만 사용합니다.
footer-requests = 다른 사이트에서는 아무것도 불러오지 않습니다.
# 오류가 있는 화면의 제목 앞에 붙습니다. 예: "오류: 로그인"
title-error = 오류:

## 여러 화면에 나오는 입력란

field-username = 아이디
field-password = 비밀번호
field-display-name = 이름
# 비워 둘 수 있는 입력란의 이름 뒤에 붙습니다.
field-optional = (선택)

## 로그인

sign-in-title = 로그인
sign-in-button = 로그인
sign-in-remember = 로그인 유지
sign-in-remember-hint = 본인만 쓰는 기기에서만 선택하세요. 선택하지 않으면 브라우저를 닫을 때 로그아웃됩니다.
sign-in-help = 로그인할 수 없나요? 이 서버의 관리자에게 문의하세요.

## 계정

account-title = 내 계정
# 이름 위에 작게 나옵니다.
account-signed-in-as = 로그인한 계정
account-roles = 역할
account-signed-in-at = 로그인한 시각
account-sign-out-hint = 여럿이 쓰는 컴퓨터라면 사용을 마친 뒤 로그아웃하세요.
role-admin = 관리자
account-email = 이메일
# 화면을 보지 않는 사람에게 읽어 주는 메뉴 이름입니다.
account-nav = 내 계정
account-nav-overview = 개요
account-nav-profile = 프로필
account-nav-sessions = 로그인 기기
account-nav-password = 비밀번호
account-text-kept = 입력한 내용이 그대로 남아 있습니다. 아직 저장되지 않았습니다.

## 프로필

profile-title = 프로필
profile-button = 저장
profile-alert-title = 저장하지 못했습니다
profile-language = 언어
profile-language-browser = 브라우저 설정에 따름

## 메일 주소 변경

email-link = 메일 주소 변경
email-link-first = 메일 주소 추가
email-title = 메일 주소 변경
email-title-first = 메일 주소 추가
email-lead = 새 주소로 링크를 보냅니다. 링크를 열어야 새 주소로 바뀌며, 지금 주소에도 알림을 보냅니다.
email-lead-first = 입력한 주소로 링크를 보냅니다. 링크를 열어야 계정에 등록됩니다.
email-no-mail = 이 서버는 메일을 보내지 않으므로 주소를 확인할 수 없습니다. 주소를 바꾸려면 서버 관리자에게 요청하세요.
email-present = 지금 주소
email-waiting = 아직 확인하지 않은 새 주소
email-field = 새 메일 주소
email-field-first = 메일 주소
email-button = 링크 보내기
email-cancel = 지금 주소를 그대로 쓰기
email-cancel-first = 추가하지 않기
email-back = 프로필로 돌아가기
# $username (글): 메일 주소인 사용자 이름
email-name-stays = 사용자 이름 { $username }은(는) 그대로이며, 계속 이 이름으로 로그인합니다.
email-alert-same-title = 이미 쓰고 있는 주소입니다
email-alert-same-text = 바뀐 것은 없습니다. 다른 주소를 입력하세요.
# $wait (글): wait-seconds 또는 wait-minutes
email-alert-too-many-text = 메일 요청이 너무 많습니다. 바뀐 것은 없습니다. { $wait } 뒤에 다시 시도하세요.

## 로그인 기기

sessions-title = 로그인한 기기
sessions-browsers = 브라우저
sessions-programs = 프로그램
sessions-this = 현재 기기
sessions-unknown = 알 수 없는 기기
sessions-script = 관리자가 만든 토큰
sessions-address = 네트워크 주소
# 날짜 앞에 옵니다.
sessions-began = 로그인:
sessions-last-used = 마지막 사용:
sessions-remembered = 브라우저를 닫아도 로그인 유지
sessions-end = 로그아웃
# $name (글): 예를 들어 "Firefox, Windows"
sessions-end-label = { $name } 로그아웃
sessions-end-others = 다른 모든 기기에서 로그아웃
events-title = 최근 활동
events-none = 아직 없습니다.
event-refresh-token-reused = 토큰이 도난당한 것으로 보여 프로그램을 로그아웃했습니다
event-signed-in = 로그인했습니다
event-signed-in-new-device = 새 기기에서 로그인했습니다
event-sign-ins-blocked = 잘못된 비밀번호가 여러 번 입력되어 로그인이 차단되었습니다
event-password-changed = 비밀번호를 변경했습니다
event-password-set = 관리자 또는 링크로 새 비밀번호가 설정되었습니다
event-session-ended = 기기 하나를 로그아웃했습니다
event-other-sessions-ended = 다른 모든 기기를 로그아웃했습니다
event-signed-out-by-admin = 관리자가 모든 기기를 로그아웃했습니다
event-profile-changed = 프로필을 변경했습니다
event-email-changed = 이메일 주소가 변경되었습니다
event-disabled = 관리자가 계정 사용을 중지했습니다
event-enabled = 관리자가 계정을 다시 사용할 수 있게 했습니다
event-deleted = 계정이 삭제되었습니다

## 비밀번호 변경

password-title = 비밀번호 변경
password-lead = 변경하면 이 브라우저를 제외한 모든 곳에서 로그아웃됩니다.
password-button = 비밀번호 변경
password-alert-title = 비밀번호가 변경되지 않았습니다
password-missing = 현재 비밀번호와 새 비밀번호를 모두 입력하세요.
password-same = 새 비밀번호가 현재 비밀번호와 같습니다. 다른 비밀번호를 입력하세요.
password-overtaken = 그사이 다른 곳에서 비밀번호가 변경되었습니다. 지금 쓰는 비밀번호를 입력하세요.
field-current-password = 현재 비밀번호
alert-wrong-password-title = 현재 비밀번호가 올바르지 않습니다
alert-wrong-password-text = 바뀐 것은 없습니다. 현재 비밀번호를 다시 입력하세요.
alert-stale-account-text = 화면을 오래 열어 두었거나 다른 탭에서 열었을 수 있습니다. 바뀐 것은 없으니 확인하고 다시 보내세요.

## 계정 삭제

delete-link = 계정 삭제
delete-title = 계정을 삭제할까요?
delete-lead = 이름과 주소, 모든 로그인이 바로 삭제됩니다. 되돌릴 수 없으며 아이디는 다시 쓸 수 없습니다.
delete-button = 계정 삭제
delete-stay = 취소하고 돌아가기
alert-last-admin-title = 유일한 관리자입니다
alert-last-admin-text = 먼저 다른 사람을 관리자로 지정하세요. 삭제된 것은 없습니다.

## 로그아웃

sign-out-title = 로그아웃할까요?
sign-out-lead = 이 브라우저에 아직 로그인되어 있습니다.
sign-out-button = 로그아웃
sign-out-stay = 취소하고 돌아가기

## 처음 설정

setup-title = 첫 관리자 만들기
setup-lead = 이 서버의 첫 관리자 계정을 만듭니다. 만들고 나면 이 화면은 더 이상 열리지 않습니다.
setup-username-hint = 글자, 숫자, . _ - + 사용 가능 (숫자만은 불가)
# $min (숫자): 최소 글자 수
new-password-hint = { $min }자 이상. 서로 관련 없는 단어를 여러 개 이어 쓰면 좋습니다.
setup-button = 관리자 만들기
setup-alert-title = 계정을 만들지 못했습니다

## 알림: 잘된 일이나 그저 알릴 일

notice-signed-out = 로그아웃했습니다.
notice-session-ended = 세션이 종료되었습니다. 계속하려면 다시 로그인하세요.
notice-set-up = 관리자 계정이 준비되었습니다.
notice-profile-saved = 프로필을 저장했습니다.
notice-email-asked = 새 주소로 메일을 보냈습니다. 24시간 안에 메일의 링크를 여세요.
notice-email-cancelled = 메일 주소를 그대로 둡니다.
notice-password-changed = 비밀번호를 변경했습니다. 다른 모든 곳에서 로그아웃되었습니다.
notice-one-ended = 선택한 기기를 로그아웃했습니다.
notice-others-ended = 다른 모든 기기에서 로그아웃했습니다.
notice-text-kept = 세션이 종료되었습니다. 다시 로그인하세요. 입력한 내용은 그대로 남아 있습니다.
notice-account-deleted = 계정을 삭제했습니다.

## 경고: 보낸 내용을 받아들이지 못한 경우

alert-wrong-credentials-title = 아이디 또는 비밀번호가 올바르지 않습니다
alert-wrong-credentials-text = 둘 다 확인하고 비밀번호를 다시 입력하세요. 그래도 안 되면 이 서버의 관리자에게 문의하세요.
alert-missing-title = 입력하지 않은 항목이 있습니다
alert-missing-text = 아이디와 비밀번호를 모두 입력하세요.
alert-throttled-title = 시도 횟수가 너무 많습니다
# $wait (글): wait-seconds 또는 wait-minutes의 결과
alert-throttled-text = { $wait } 후에 다시 시도하세요. 그전에는 올바른 비밀번호를 입력해도 로그인할 수 없습니다.
alert-disabled-title = 사용이 중지된 계정입니다
alert-disabled-text = 다시 사용하려면 이 서버의 관리자에게 문의하세요.
alert-stale-title = 페이지가 만료되었습니다
alert-stale-text = 화면을 오래 열어 두었거나 다른 탭에서 열었을 수 있습니다. 아이디는 그대로 남아 있으니 비밀번호만 다시 입력하세요.
# 아이디가 없는 로그아웃 화면에서 씁니다.
alert-stale-sign-out-text = 화면을 오래 열어 두었거나 다른 탭에서 열었을 수 있습니다. 로그아웃하려면 아래 버튼을 누르세요.
alert-no-cookie-title = 쿠키를 받지 못했습니다
alert-no-cookie-text = 이 화면에 필요한 쿠키를 브라우저가 보내지 않았습니다. 이 사이트의 쿠키를 허용한 뒤 다시 시도하세요.
# $url (글): 열어야 할 https 주소. 제목은 alert-no-cookie-title을 씁니다.
alert-insecure-cookie-text = 서버는 https로 설정되어 있지만 이 화면은 http로 열려서 브라우저가 쿠키를 저장하지 않습니다. 다음 주소로 접속하세요: { $url }
alert-busy-title = 서버가 붐비고 있습니다
# $wait (글): wait-seconds 또는 wait-minutes의 결과
alert-busy-text = 비밀번호를 아직 확인하지 못했습니다. { $wait } 후에 다시 시도하세요.
alert-elsewhere-title = 다른 사이트에서 보낸 요청입니다
alert-elsewhere-text = 요청을 받아들이지 않았으며 바뀐 것은 없습니다. 직접 하려던 일이라면 이 화면에서 다시 진행하세요.
alert-bad-form-title = 보낸 내용을 읽을 수 없습니다
alert-bad-form-text = 바뀐 것은 없습니다. 이 화면에서 다시 입력해 보내세요.

## 기다릴 시간과 날짜

# $count (숫자)
wait-seconds = { $count }초
# $count (숫자)
wait-minutes = { $count }분
# $day (숫자 또는 글), $month (숫자, 1~12), $year (글), $time (글, "13:05")
date-time = { $year }년 { $month }월 { $day }일 { $time } (UTC)
# 얼마나 지났는지; 1분이 안 되면 방금입니다. $count (숫자)
ago-now = 방금
ago-minutes = { $count }분 전
ago-hours = { $count }시간 전
ago-days = { $count }일 전
ago-months = { $count }개월 전
ago-years = { $count }년 전
# $ago (글): 위의 결과, $time (글): date-time의 결과
ago-and-time = { $ago } · { $time }

## 이름과 비밀번호의 규칙

# $min (숫자)
password-too-short = 비밀번호가 너무 짧습니다. { $min }자 이상 입력하세요.
# $max (숫자)
password-too-long = 비밀번호가 너무 깁니다. { $max }자 이하로 입력하세요.
# 비밀번호가 추측하기 쉬운 까닭. 뒤에 password-weak-advice가 이어집니다.
password-weak-own-words = 비밀번호가 대부분 본인의 이름이나 주소 또는 이 사이트의 이름으로 되어 있어 가장 먼저 시도됩니다.
password-weak-common = 많은 사람이 쓰는 비밀번호이거나 그와 비슷해서 가장 먼저 시도됩니다.
password-weak-keyboard = 키보드 배열을 따라 입력한 비밀번호라 추측하기 쉽습니다.
password-weak-repeats = 같은 글자가 되풀이되는 비밀번호라 추측하기 쉽습니다.
password-weak-sequence = 숫자나 글자가 차례대로 이어지는 비밀번호라 추측하기 쉽습니다.
password-weak-date = 대부분 날짜나 연도로 된 비밀번호라 추측하기 쉽습니다.
password-weak-name = 대부분 흔한 이름으로 된 비밀번호라 추측하기 쉽습니다.
password-weak-word = 거의 한 단어로 된 비밀번호라 추측하기 쉽습니다.
password-weak-advice = 서로 관련 없는 단어를 여러 개 이어 보세요.
# 입력란 옆에 나타나는 버튼에 씁니다.
new-password-show = 비밀번호 표시
password-is-username = 비밀번호가 아이디와 같습니다. 다른 비밀번호를 사용하세요.
password-bad-characters = 제어 문자처럼 비밀번호에 사용할 수 없는 문자가 있습니다. 글자, 숫자, 공백, 기호를 사용하세요.
username-invalid = 사용할 수 없는 아이디입니다. 글자, 숫자, . _ - + 로 1~64자를 입력하세요. 숫자만으로는 만들 수 없습니다.
username-taken = 이미 사용 중인 아이디입니다. 다른 아이디를 입력하세요.
username-at-sign = 아이디에는 @를 사용할 수 없습니다. 이메일 주소가 아닌 아이디를 입력하세요.
# $max (숫자)
display-name-invalid = 사용할 수 없는 이름입니다. 한 줄로 { $max }자 이하로 입력하거나 비워 두세요.

## 더는 쓸 수 없는 링크

link-invalid-title = 더 이상 사용할 수 없는 링크입니다
link-invalid-text = 이미 사용했거나, 새 링크로 바뀌었거나, 만료된 링크입니다. 새 링크를 받으려면 서버에서 ‘vestibule setup-link’를 실행하세요.
link-without-cookie = 방금 링크를 열었다면 브라우저가 이 페이지에 필요한 쿠키를 저장하지 않았을 수 있습니다. 이 사이트의 쿠키를 허용한 다음 링크를 다시 여세요.

## 오류 화면

error-not-found-title = 페이지를 찾을 수 없습니다
error-not-found-text = 이 주소에는 페이지가 없습니다. 주소를 확인하거나 아래 링크로 이동하세요.
error-method-title = 처리할 수 없는 요청입니다
error-method-text = 이 페이지는 이런 방식의 요청을 받지 않습니다. 아래 링크로 이동하세요.
error-too-large-title = 보낸 내용이 너무 큽니다
error-too-large-text = 이 서버가 받을 수 있는 크기를 넘었습니다. 이전 화면으로 돌아가 내용을 줄인 뒤 다시 보내세요.
error-bad-request-title = 요청을 읽을 수 없습니다
error-bad-request-text = 주소나 보낸 내용의 형식이 올바르지 않습니다. 아래 링크로 이동해 다시 시도하세요.
error-internal-title = 서버에 문제가 생겼습니다
error-internal-text = 사용자의 잘못이 아니라 서버의 문제입니다. 잠시 후 다시 시도하세요. 문제가 계속되면 아래 요청 ID를 관리자에게 알려 주세요.
error-unavailable-title = 지금은 서비스를 이용할 수 없습니다
error-unavailable-text = 잠시 후 다시 시도하세요. 계속 이용할 수 없으면 이 서버의 관리자에게 알려 주세요.
error-request-id = 요청 ID
error-link-home = 내 계정으로 이동
error-link-sign-in = 로그인 화면으로 이동

## 리버스 프록시 뒤의 애플리케이션이 로그인한 사람을 자꾸 이곳으로 돌려보냄

returns-title = 두 주소 사이를 맴돌고 있습니다
# $place (글): 애플리케이션의 주소. 예: https://app.example.com
returns-lead = 이곳에는 로그인되어 있지만, { $place } 주소가 자꾸 로그인 화면으로 돌려보냅니다. 그곳의 리버스 프록시가 로그인을 알아보지 못하고 있습니다.
returns-cookies = 브라우저가 두 주소의 쿠키를 모두 허용하는지, 두 주소를 모두 https로 열었는지 확인하세요.
returns-clock = 이 기기의 날짜와 시각이 맞는지 확인하세요.
returns-admin = 계속 같은 문제가 생기면 이 서버의 관리자에게 알려 주세요. COOKIE_DOMAIN에 애플리케이션의 주소가 포함되어야 하고, 프록시가 이 서버로 쿠키를 전달해야 하며, 두 서버의 시각이 맞아야 합니다.
returns-again = 다시 시도

## 리버스 프록시가 통과시키지 않음

refused-role-title = 이 페이지를 열 수 없습니다
refused-role-text = 로그인되어 있지만, 계정에 이 페이지를 여는 데 필요한 역할이 없습니다. 필요한 역할이라면 관리자에게 문의하세요.

## 복구: 로그인할 수 없게 된 관리자가 새 비밀번호를 정함

rescue-title = 새 비밀번호 설정
rescue-lead = 이 링크로 아래 계정의 새 비밀번호를 정할 수 있습니다. 이 계정의 다른 로그인은 모두 종료됩니다.
field-new-password = 새 비밀번호
rescue-button = 저장하고 로그인
rescue-alert-title = 비밀번호가 변경되지 않았습니다
notice-rescued = 새 비밀번호가 저장되었습니다.

## 메일. 모든 메일에: $product (글), $username (글), $url (글, 이 서버의 주소)

mail-greeting = { $username } 님, 안녕하세요.
mail-greeting-nobody = 안녕하세요.
mail-link-hint = 단추가 눌리지 않으면 아래 주소를 복사해 브라우저에 붙여 넣으세요.
mail-footer = { $product }에서 보낸 메일입니다({ $url }). 답장은 읽을 사람이 없습니다.
mail-fact-device = 브라우저
mail-fact-address = 네트워크 주소
mail-fact-time = 시각
mail-reset-subject = { $product } 새 비밀번호 정하기
mail-reset-text = 회원님의 계정에 새 비밀번호를 정하려는 요청이 있었습니다. 아래 링크는 30분 동안 한 번만 쓸 수 있습니다.
mail-reset-link = 새 비밀번호 정하기
mail-reset-note = 직접 요청하지 않았다면 아무것도 하지 않아도 됩니다. 비밀번호는 그대로입니다.
mail-verify-subject = { $product } 메일 주소 확인
mail-verify-text = 이 주소가 회원님의 것인지 확인하려면 아래 링크를 여세요. 24시간 동안 한 번만 쓸 수 있습니다.
mail-verify-link = 주소 확인하기
mail-verify-note = 모르는 일이라면 링크를 열지 마세요. 열지 않으면 아무것도 바뀌지 않습니다.
mail-register-subject = { $product } 계정 만들기
mail-register-text = 계정 신청을 받았습니다. 아래 링크를 열어 아이디와 비밀번호를 정하세요. 24시간 동안 한 번만 쓸 수 있습니다.
mail-register-link = 계정 만들기
mail-register-note = 직접 신청하지 않았다면 아무것도 하지 않아도 됩니다. 계정은 만들어지지 않습니다.
mail-invite-subject = { $product }에 초대합니다
mail-invite-text = 관리자가 회원님을 초대했습니다. 아래 링크를 열어 아이디와 비밀번호를 정하세요. 7일 동안 한 번만 쓸 수 있습니다.
mail-invite-link = 계정 만들기
mail-invite-note = 계정이 필요 없다면 아무것도 하지 않아도 됩니다.
mail-address-in-use-subject = { $product } 계정이 이미 있습니다
mail-address-in-use-text = 이 주소로 새 계정을 만들려는 요청이 있었지만, 이 주소는 이미 회원님의 계정에 쓰이고 있습니다. 비밀번호를 잊었다면 새로 정할 수 있습니다.
mail-address-in-use-link = 새 비밀번호 정하기
mail-address-in-use-note = 직접 요청하지 않았다면 아무것도 하지 않아도 됩니다. 바뀐 것은 없습니다.
mail-password-changed-subject = { $product } 비밀번호가 바뀌었습니다
mail-password-changed-text = 회원님 계정의 비밀번호가 바뀌었습니다.
mail-password-changed-link = 직접 바꾸지 않았다면 새 비밀번호를 정하세요
mail-password-changed-note = 직접 바꾸었다면 아무것도 하지 않아도 됩니다.
mail-new-device-subject = { $product }에 새로 로그인했습니다
mail-new-device-text = 전에 쓰지 않던 브라우저에서 회원님의 계정에 로그인했습니다.
mail-new-device-link = 직접 로그인하지 않았다면 새 비밀번호를 정하세요
mail-new-device-note = 직접 로그인했다면 아무것도 하지 않아도 됩니다.
mail-address-wanted-subject = { $product }에서 회원님의 메일 주소를 쓰려는 요청이 있었습니다
mail-address-wanted-text = 다른 계정으로 로그인한 사람이 이 주소를 그 계정에 쓰겠다고 요청했습니다. 이 주소는 이미 회원님의 계정에 쓰이고 있으므로 바뀐 것은 없습니다.
mail-address-wanted-note = 직접 요청했다면 먼저 이 계정의 주소를 다른 주소로 바꾸세요. 직접 요청하지 않았다면 아무것도 하지 않아도 됩니다.
mail-email-change-asked-subject = { $product } 메일 주소 변경 요청이 있었습니다
mail-email-change-asked-text = 회원님 계정의 메일 주소를 다른 주소로 바꾸려는 요청이 있었습니다. 새 주소가 확인되면 이 주소 대신 쓰입니다.
mail-email-change-asked-link = 직접 요청하지 않았다면 새 비밀번호를 정하세요
mail-email-change-asked-note = 비밀번호를 새로 정하면 요청이 취소됩니다. 직접 요청했다면 새 주소로 온 메일의 링크를 여세요.
mail-email-changed-subject = { $product } 메일 주소가 바뀌었습니다
mail-email-changed-text = 회원님 계정의 메일 주소가 다른 주소로 바뀌었습니다. 이 주소로는 더 이상 메일을 보내지 않습니다.
mail-email-changed-note = 직접 바꾸지 않았다면 바로 서버 관리자에게 알리세요.
mail-account-deleted-subject = { $product } 계정이 삭제되었습니다
mail-account-deleted-text = 회원님의 계정과 개인 정보가 삭제되었습니다. 이 계정으로는 더 이상 로그인할 수 없습니다.
mail-account-deleted-note = 직접 삭제하지 않았다면 바로 서버 관리자에게 알리세요.

## 메일로 새 비밀번호 정하기

forgot-link = 비밀번호를 잊었나요?
forgot-title = 새 비밀번호 정하기
forgot-lead = 계정에 등록된 메일 주소로 새 비밀번호를 정하는 링크를 보냅니다.
field-login = 아이디 또는 메일 주소
forgot-button = 링크 보내기
forgot-back = 로그인 화면으로
forgot-alert-title = 빠진 것이 있습니다
forgot-alert-text = 아이디나 계정에 등록된 메일 주소를 입력하세요.
forgot-no-mail = 이 서버는 메일을 보내지 않습니다. 새 비밀번호를 정하는 링크를 서버 관리자에게 요청하세요.
notice-reset-asked = 메일 주소가 등록된 계정이라면 링크를 보냈습니다. 30분 동안 쓸 수 있습니다.
reset-title = 새 비밀번호 정하기
reset-lead = 저장하면 모든 곳에서 로그아웃됩니다. 그다음 새 비밀번호로 로그인하세요.
reset-button = 비밀번호 저장
notice-password-reset = 새 비밀번호를 저장했습니다. 새 비밀번호로 로그인하세요.
link-dead-reset = 이미 썼거나, 더 새로운 링크가 있거나, 기간이 지났습니다. 새 링크를 요청하세요.
alert-too-many-requests-title = 요청이 너무 많습니다
# $wait (글): wait-seconds나 wait-minutes에서 옵니다.
alert-too-many-requests-text = 이 네트워크에서 보낸 요청이 너무 많습니다. { $wait } 뒤에 다시 시도하세요.
# $wait is a time in words.
alert-too-many-answers-text = 이 링크로 너무 여러 번 시도했습니다. { $wait } 뒤에 다시 시도하세요.

## 메일 주소 확인

field-email = 메일 주소
verify-title = 이 주소가 맞나요?
verify-lead = 이 메일 주소가 회원님 계정의 것인지 확인해 주세요.
verify-button = 확인
notice-email-verified = 메일 주소를 확인했습니다.
link-dead-verify = 이미 썼거나, 더 새로운 링크가 있거나, 기간이 지났거나, 다른 계정이 쓰는 주소입니다. 계정 화면에서 새 링크를 요청하세요.

## 새 계정

register-link = 계정 만들기
register-title = 계정 만들기
register-lead = 먼저 메일 주소로 링크를 보냅니다. 그 링크에서 아이디와 비밀번호를 정합니다.
register-button = 링크 보내기
register-alert-title = 메일 주소가 아닙니다
register-alert-text = 주소를 확인하고 다시 보내세요. 주소는 name@example.com과 같은 모양입니다.
register-closed-title = 여기서는 계정을 만들 수 없습니다
register-closed-text = 이 서버의 계정은 관리자가 만듭니다. 관리자에게 요청하세요.
notice-account-asked = 이 주소로 메일을 보냈습니다. 메일에 있는 링크를 열어 계속하세요.
invite-title = 내 계정 만들기
invite-lead = 아이디와 비밀번호를 정하세요. 그다음 그것으로 로그인하세요.
invite-button = 계정 만들기
notice-account-made = 계정이 준비되었습니다. 이제 로그인하세요.
link-dead-invite = 이미 썼거나, 더 새로운 링크가 있거나, 기간이 지났습니다. 보낸 사람에게 새 링크를 요청하세요.
