### 페이지와 메일의 한국어 문구. 메시지 ID와 순서는 en.ftl과 같습니다.
### 무슨 일이 있었는지, 다음에 무엇을 하면 되는지 알립니다. 원인을 짐작하지 않습니다.

## 모든 페이지

# 언어 선택에 표시되는 언어 이름.
language-name = 한국어
language-switch = 언어
footer-help = 도움말
footer-privacy = 개인정보 처리방침
footer-cookies = 필수 쿠키만 사용합니다.
footer-requests = 외부 콘텐츠를 사용하지 않습니다.
# 오류가 있는 페이지의 제목 앞에 붙습니다. 예: "오류: 로그인"
title-error = 오류:

## 여러 페이지에 나오는 입력란

field-username = 아이디
field-password = 비밀번호
# 비밀번호 입력란 옆에서 비밀번호를 표시하거나 숨기는 버튼.
password-show = 표시
# 그 버튼을 화면 낭독기가 읽는 이름.
password-show-label = 비밀번호 표시
# 비밀번호 입력란 아래에 표시됩니다.
password-caps-lock = Caps Lock이 켜져 있습니다.
field-display-name = 이름
# 선택 입력란의 이름 뒤에 붙습니다.
field-optional = (선택)

## 로그인

sign-in-title = 로그인
sign-in-button = 로그인
sign-in-remember = 로그인 상태 유지
sign-in-remember-hint = 본인 기기에서만 사용하세요.
sign-in-help = 로그인할 수 없나요? 관리자에게 문의하세요.
# HELP_URL 링크. 설정이 없으면 sign-in-help가 대신 표시됩니다.
sign-in-help-link = 도움이 필요하세요?

## 계정

account-title = 내 계정
# 이름 위에 작게 표시됩니다.
account-signed-in-as = 로그인한 계정
account-roles = 역할
account-signed-in-at = 로그인 시각
account-sign-out-hint = 공용 컴퓨터에서는 사용 후에 로그아웃하세요.
role-admin = 관리자
account-email = 이메일 주소
# 화면 낭독기가 읽는 계정 메뉴의 이름.
account-nav = 계정 메뉴
account-nav-overview = 내 계정
account-nav-profile = 프로필
account-nav-sessions = 로그인 기기
account-nav-password = 비밀번호
account-text-kept = 입력한 내용이 남아 있습니다. 아직 저장되지 않았습니다.

## 프로필

profile-title = 프로필
profile-button = 저장
profile-alert-title = 프로필을 저장하지 못했습니다
profile-language = 언어
profile-language-browser = 브라우저 기본값

## 이메일 주소 변경

email-link = 이메일 주소 변경
email-link-first = 이메일 주소 추가
email-title = 이메일 주소 변경
email-title-first = 이메일 주소 추가
email-lead = 새 이메일 주소로 확인 링크를 보내고 현재 이메일로도 알립니다.
email-lead-first = 입력한 이메일 주소로 확인 링크를 보냅니다.
email-no-mail = 이 서버는 메일을 보내지 않습니다. 이메일 주소를 등록하거나 변경하려면 관리자에게 문의하세요.
email-current = 현재 이메일
email-pending = 확인 대기 중인 이메일 주소
email-field = 새 이메일 주소
email-field-first = 이메일 주소
email-button = 링크 보내기
email-cancel = 변경 취소
email-cancel-first = 취소
email-back = 프로필로 돌아가기
# $username (글): 이메일 주소인 아이디
email-name-stays = 아이디는 { $username } 그대로이며, 계속 이 아이디로 로그인합니다.
email-alert-same-title = 현재 이메일과 같은 주소입니다
email-alert-same-text = 다른 이메일 주소를 입력하세요.
# $wait (글): wait-seconds 또는 wait-minutes의 결과
email-alert-too-many-text = 변경된 내용이 없습니다. { $wait } 후에 다시 시도하세요.

## 로그인 기기

sessions-title = 로그인 기기
sessions-browsers = 브라우저
sessions-clients = 앱
sessions-this = 현재 기기
sessions-unknown = 알 수 없는 기기
sessions-script = 관리자가 발급한 토큰
sessions-address = IP 주소
# 날짜 앞에 옵니다.
sessions-began = 로그인 시각
# 날짜 앞에 옵니다.
sessions-last-used = 마지막 사용
sessions-remembered = 로그인 상태 유지
sessions-end = 로그아웃
# $name (글): 예를 들어 "Firefox, Windows"
sessions-end-label = { $name } 로그아웃
sessions-end-others = 다른 모든 기기에서 로그아웃
events-title = 최근 활동
events-none = 활동 내역이 없습니다.
event-refresh-token-reused = 토큰이 도용되었을 수 있어 앱을 로그아웃했습니다
event-signed-in = 로그인했습니다
event-signed-in-from-new-device = 새 기기에서 로그인했습니다
# 최근 활동 목록에 표시되며 아래에 IP 주소가 나옵니다. $count (숫자)
event-sign-in-failed = 로그인 실패 { $count }회
# event-sign-in-failed의 최근 항목 뒤에 표시됩니다. $count (숫자)
event-sign-in-failed-more = 다른 네트워크에서 로그인 실패 { $count }회
event-sign-ins-blocked = 비밀번호를 여러 번 잘못 입력해 로그인이 차단되었습니다
event-password-changed = 비밀번호를 변경했습니다
event-password-set = 링크 또는 관리자를 통해 비밀번호가 재설정되었습니다
event-session-ended = 기기 하나를 로그아웃했습니다
event-other-sessions-ended = 다른 모든 기기에서 로그아웃했습니다
event-signed-out-by-admin = 관리자가 모든 기기를 로그아웃했습니다
event-profile-changed = 프로필을 변경했습니다
event-email-changed = 이메일 주소가 변경되었습니다
event-disabled = 관리자가 계정을 비활성화했습니다
event-enabled = 관리자가 계정을 활성화했습니다
event-deleted = 계정이 삭제되었습니다
# $count (숫자)
event-sign-ins-rejected = 비밀번호 확인 없이 거부된 로그인 시도 { $count }회
event-password-link-created = 관리자가 새 비밀번호 링크를 만들었습니다
event-new-password-required = 관리자가 새 비밀번호를 요구했습니다
event-all-sessions-ended = 관리자가 모든 사용자를 로그아웃했습니다
event-unlocked = 관리자가 로그인 실패 기록을 지웠습니다
event-created = 계정이 생성되었습니다
# $count (숫자)
event-users-imported = 계정 { $count }개를 가져왔습니다
# $name (글)
event-role-granted = 역할 { $name }이(가) 부여되었습니다
# $name (글)
event-role-revoked = 역할 { $name }이(가) 해제되었습니다
# $name (글)
event-role-changed = 역할 { $name }의 범위가 변경되었습니다
# $name (글)
event-role-deleted = 역할 { $name }이(가) 삭제되었습니다
event-invitation-created = 초대를 만들었습니다
event-invitation-revoked = 초대가 취소되었습니다
# $name (글)
event-client-added = 클라이언트 { $name }이(가) 등록되었습니다
# $name (글)
event-client-changed = 클라이언트 { $name }이(가) 변경되었습니다
# $name (글)
event-client-secret-rotated = 클라이언트 { $name }의 비밀 키가 교체되었습니다
# $name (글)
event-client-deleted = 클라이언트 { $name }이(가) 삭제되었습니다
event-script-token-issued = 스크립트용 토큰이 발급되었습니다
# $name (글)
event-signing-key-added = 서명 키 { $name }이(가) 추가되었습니다
# $name (글)
event-signing-key-retired = 서명 키 { $name }이(가) 폐기되었습니다
event-signing-keys-resealed = 서명 키가 다른 서버 키로 암호화되었습니다

## 비밀번호 변경

password-title = 비밀번호 변경
password-lead = 변경하면 다른 모든 기기에서 로그아웃됩니다.
password-button = 비밀번호 변경
password-alert-title = 비밀번호가 변경되지 않았습니다
password-missing = 현재 비밀번호와 새 비밀번호를 모두 입력하세요.
password-same = 새 비밀번호가 현재 비밀번호와 같습니다. 다른 비밀번호를 입력하세요.
password-overtaken = 방금 다른 곳에서 비밀번호가 변경되었습니다. 변경된 비밀번호를 입력하세요.
field-current-password = 현재 비밀번호
alert-wrong-password-title = 비밀번호가 올바르지 않습니다
alert-wrong-password-text = 변경된 내용이 없습니다. 현재 비밀번호를 다시 입력하세요.
alert-stale-account-text = 변경된 내용이 없습니다. 내용을 확인하고 다시 제출하세요.

## 계정 삭제

delete-link = 계정 삭제
delete-title = 계정을 삭제할까요?
delete-lead = 이름과 이메일 주소가 영구적으로 삭제되고 모든 기기에서 로그아웃됩니다. 되돌릴 수 없으며, 같은 아이디는 다시 사용할 수 없습니다.
delete-button = 계정 삭제
delete-cancel = 취소
alert-last-admin-title = 유일한 관리자입니다
alert-last-admin-text = 계정이 삭제되지 않았습니다. 먼저 다른 사람을 관리자로 지정하세요.

## 로그아웃

sign-out-title = 로그아웃할까요?
sign-out-lead = 이 브라우저에 로그인되어 있습니다.
sign-out-button = 로그아웃
sign-out-cancel = 취소

## 최초 관리자

setup-title = 최초 관리자 만들기
setup-lead = 계정을 만든 후에는 이 페이지를 사용할 수 없습니다.
setup-username-hint = 글자, 숫자, . _ - + 사용 가능(숫자만은 불가)
# $min (숫자): 최소 길이
new-password-hint = { $min }자 이상. 서로 관련 없는 단어를 여러 개 쓰면 좋습니다.
setup-button = 계정 만들기
setup-alert-title = 계정을 만들지 못했습니다

## 알림: 처리 결과와 안내

notice-signed-out = 로그아웃했습니다.
notice-session-ended = 세션이 종료되었습니다. 계속하려면 다시 로그인하세요.
notice-set-up = 관리자 계정이 준비되었습니다.
notice-profile-saved = 프로필을 저장했습니다.
notice-email-asked = 새 이메일 주소로 메일을 보냈습니다. 24시간 안에 메일의 링크를 여세요.
notice-email-cancelled = 요청을 취소했습니다.
notice-password-changed = 비밀번호를 변경했습니다. 다른 모든 기기에서 로그아웃되었습니다.
notice-one-ended = 선택한 기기를 로그아웃했습니다.
notice-others-ended = 다른 모든 기기에서 로그아웃되었습니다.
notice-text-kept = 세션이 종료되었습니다. 다시 로그인하세요. 입력한 내용은 남아 있습니다.
notice-account-deleted = 계정을 삭제했습니다.
notice-user-disabled = 계정을 비활성화하고 로그아웃했습니다.
notice-user-enabled = 계정을 활성화했습니다.
notice-user-signed-out = 모든 기기에서 로그아웃했습니다.
notice-user-session-ended = 세션을 종료했습니다.
notice-user-unlocked = 로그인 실패 기록을 지웠습니다. 이제 다시 로그인할 수 있습니다.
notice-user-link-mailed = 링크를 메일로 보냈습니다.
notice-user-role-granted = 역할을 부여했습니다.
notice-user-role-revoked = 역할을 해제했습니다.
notice-user-email-saved = 이메일 주소를 저장했습니다.
notice-invitation-mailed = 초대 메일을 보냈습니다.

## 경고: 양식이 처리되지 않음

alert-wrong-credentials-title = 아이디 또는 비밀번호가 올바르지 않습니다
alert-wrong-credentials-text = 둘 다 확인하고 다시 시도하세요.
alert-missing-title = 아이디 또는 비밀번호를 입력하지 않았습니다
alert-missing-text = 아이디와 비밀번호를 모두 입력하세요.
alert-throttled-title = 시도 횟수가 너무 많습니다
# $wait (글): wait-seconds 또는 wait-minutes의 결과
alert-throttled-text = { $wait } 후에 다시 시도하세요. 그전에는 올바른 비밀번호도 사용할 수 없습니다.
alert-disabled-title = 비활성화된 계정입니다
alert-disabled-text = 다시 사용하려면 관리자에게 문의하세요.
alert-new-password-required-title = 새 비밀번호를 설정하세요
alert-new-password-required-text = 관리자가 새 비밀번호를 요구했습니다. “비밀번호를 잊었나요?”에서 이메일로 링크를 받거나 관리자에게 요청하세요.
alert-stale-title = 페이지가 만료되었습니다
alert-stale-text = 내용을 입력하고 다시 제출하세요.
# 버튼만 있는 로그아웃 페이지에서 씁니다.
alert-stale-sign-out-text = 로그아웃하려면 아래 버튼을 누르세요.
alert-no-cookie-title = 쿠키가 필요합니다
alert-no-cookie-text = 브라우저가 이 페이지에 필요한 쿠키를 보내지 않았습니다. 이 사이트의 쿠키를 허용한 후에 다시 시도하세요.
# $url (글): 열어야 할 https 주소. 제목은 alert-no-cookie-title입니다.
alert-insecure-cookie-text = 이 페이지에 필요한 쿠키는 https에서만 저장됩니다. 다음 주소로 접속하세요: { $url }
alert-busy-title = 접속자가 많습니다
# $wait (글): wait-seconds 또는 wait-minutes의 결과
alert-busy-text = 비밀번호를 아직 확인하지 못했습니다. { $wait } 후에 다시 시도하세요.
alert-cross-site-title = 다른 사이트에서 보낸 요청입니다
alert-cross-site-text = 요청이 거부되었으며 변경된 내용이 없습니다. 직접 요청했다면 이 페이지에서 다시 진행하세요.
alert-bad-form-title = 제출한 내용을 읽을 수 없습니다
alert-bad-form-text = 변경된 내용이 없습니다. 다시 입력하고 제출하세요.

## 대기 시간과 날짜

# $count (숫자)
wait-seconds = { $count }초
# $count (숫자)
wait-minutes = { $count }분
# $day (글), $month (숫자, 1~12), $year (글)
date = { $year }년 { $month }월 { $day }일
# date의 값, $time (글, "13:05"), $zone (글, "UTC" 또는 "KST")
date-time = { date } { $time } ({ $zone })
# 브라우저의 시간대로 표시하는 스크립트가 씁니다. 1은 날짜, 2는 시각입니다.
date-time-format = 1 2
# 지난 시간. 1분 미만은 "방금"입니다. $count (숫자)
ago-now = 방금
ago-minutes = { $count }분 전
ago-hours = { $count }시간 전
ago-days = { $count }일 전
ago-months = { $count }개월 전
ago-years = { $count }년 전

## 아이디, 이름, 비밀번호의 규칙

# $min (숫자)
password-too-short = 비밀번호가 너무 짧습니다. { $min }자 이상 입력하세요.
# $max (숫자)
password-too-long = 비밀번호가 너무 깁니다. { $max }자 이하로 입력하세요.
# 비밀번호가 약한 이유. 뒤에 password-weak-advice가 이어집니다.
password-weak-own-words = 본인의 이름, 이메일 주소나 이 사이트의 이름은 사용하지 마세요.
password-weak-common = 너무 흔한 비밀번호입니다.
password-weak-keyboard = 키보드 배열을 따른 비밀번호는 추측하기 쉽습니다.
password-weak-repeats = 같은 글자를 반복한 비밀번호는 추측하기 쉽습니다.
password-weak-sequence = abc나 123처럼 이어지는 비밀번호는 추측하기 쉽습니다.
password-weak-date = 날짜나 연도로 된 비밀번호는 추측하기 쉽습니다.
password-weak-name = 흔한 이름으로 된 비밀번호는 추측하기 쉽습니다.
password-weak-word = 단어 하나로 된 비밀번호는 추측하기 쉽습니다.
password-weak-advice = 서로 관련 없는 단어를 여러 개 사용하세요.
password-is-username = 비밀번호가 아이디와 같습니다. 다른 비밀번호를 입력하세요.
password-bad-character = 비밀번호에 사용할 수 없는 문자({ $code })가 있습니다. 글자, 숫자, 공백, 기호, 이모지를 사용하세요.
username-invalid = 사용할 수 없는 아이디입니다. 글자, 숫자, . _ - + 로 1~64자를 입력하세요(숫자만은 불가).
username-taken = 이미 사용 중인 아이디입니다. 다른 아이디를 입력하세요.
username-reserved = 예약된 아이디입니다. 다른 아이디를 입력하세요.
username-similar = 이미 사용 중인 아이디와 비슷해 보입니다. 다른 아이디를 입력하세요.
username-unusual = 여러 언어의 문자를 섞었거나 흔하지 않은 문자가 있어 사용할 수 없는 아이디입니다. 다른 아이디를 입력하세요.
username-at-sign = 사용할 수 없는 아이디입니다. @가 없는 아이디를 입력하세요.
# $max (숫자)
display-name-invalid = 사용할 수 없는 이름입니다. 한 줄로 { $max }자 이하로 입력하거나 비워 두세요.

## 유효하지 않은 링크

link-invalid-title = 유효하지 않은 링크입니다
link-invalid-text = 만료되었거나 이미 사용했거나 새 링크로 대체되었습니다. 새 링크를 받으려면 서버에서 ‘vestibule setup-link’를 실행하세요.
# 브라우저가 쿠키를 보내지 않으면 link-expired 문구 뒤에 붙습니다.
link-without-cookie = 방금 링크를 열었다면 이 사이트의 쿠키를 허용한 후에 다시 여세요.

## 오류 페이지

error-not-found-title = 페이지를 찾을 수 없습니다
error-not-found-text = 주소를 확인하거나 아래 링크로 이동하세요.
error-method-title = 지원하지 않는 요청입니다
error-method-text = 이 페이지는 이 요청 방식을 받지 않습니다. 아래 링크로 이동하세요.
error-too-large-title = 요청이 너무 큽니다
error-too-large-text = 이전 페이지로 돌아가 내용을 줄인 후에 다시 시도하세요.
error-bad-request-title = 잘못된 요청입니다
error-bad-request-text = 주소나 제출한 내용이 올바르지 않습니다. 아래 링크로 이동해 다시 시도하세요.
error-internal-title = 문제가 발생했습니다
error-internal-text = 잠시 후에 다시 시도하세요. 문제가 계속되면 아래 요청 ID와 함께 관리자에게 문의하세요.
error-unavailable-title = 서비스를 이용할 수 없습니다
error-unavailable-text = 잠시 후에 다시 시도하세요. 문제가 계속되면 관리자에게 문의하세요.
error-request-id = 요청 ID
error-link-home = 내 계정으로 이동
error-link-sign-in = 로그인 페이지로 이동

## 리디렉션 반복: 리버스 프록시 뒤의 애플리케이션이 로그인한 사람을 계속 로그인 페이지로 보냄

redirect-loop-title = 로그인이 반복되고 있습니다
# $application (글): 애플리케이션의 주소. 예: https://app.example.com
redirect-loop-lead = 로그인되어 있지만 { $application }에서 계속 로그인 페이지로 보냅니다. 해당 리버스 프록시가 로그인을 인식하지 못합니다.
redirect-loop-cookies = 두 사이트의 쿠키를 모두 허용하고, 두 사이트를 모두 https로 여세요.
redirect-loop-clock = 이 기기의 날짜와 시각을 확인하세요.
redirect-loop-admin = 문제가 계속되면 관리자에게 문의하세요. COOKIE_DOMAIN에 애플리케이션의 주소가 포함되어야 하고, 프록시가 이 서버로 쿠키를 전달해야 하며, 두 서버의 시각이 맞아야 합니다.
redirect-loop-retry = 다시 시도

## 리버스 프록시가 접근을 거부함

refused-role-title = 이 페이지에 접근할 권한이 없습니다
refused-role-text = 이 페이지에 필요한 역할이 계정에 없습니다. 접근해야 한다면 관리자에게 문의하세요.

## 복구: 로그인할 수 없는 관리자가 비밀번호를 재설정함

rescue-title = 비밀번호 재설정
rescue-lead = 이 계정의 새 비밀번호를 입력하세요. 다른 모든 기기에서 로그아웃됩니다.
field-new-password = 새 비밀번호
rescue-button = 저장하고 로그인
rescue-alert-title = 비밀번호가 변경되지 않았습니다
notice-rescued = 비밀번호를 재설정했습니다.

## 메일. 모든 메일에 $product (글), $name (글: 이름 또는 아이디), $url (글: 이 서버의 주소)

mail-greeting = { $name }님, 안녕하세요.
mail-greeting-without-name = 안녕하세요.
mail-link-hint = 버튼이 작동하지 않으면 아래 주소를 복사해 브라우저에 붙여 넣으세요.
mail-footer = { $product }({ $url })에서 보낸 발신 전용 메일입니다.
mail-fact-device = 브라우저
mail-fact-address = IP 주소
mail-fact-time = 시각
mail-reset-subject = { $product } 비밀번호 재설정
mail-reset-text = 비밀번호 재설정 요청을 받았습니다. 링크는 한 번만 사용할 수 있으며 30분 후에 만료됩니다.
mail-reset-link = 비밀번호 재설정
mail-reset-note = 직접 요청하지 않았다면 이 메일을 무시하세요. 비밀번호는 변경되지 않습니다.
mail-welcome-subject = { $product } 계정 안내
mail-welcome-text = 관리자가 계정을 만들었습니다. 비밀번호를 설정하고 로그인하세요. 링크는 한 번만 사용할 수 있으며 7일 후에 만료됩니다.
mail-welcome-link = 비밀번호 설정
mail-welcome-note = 모르는 서비스라면 이 메일을 무시하세요.
mail-verify-subject = { $product } 이메일 주소 확인
mail-verify-text = 본인의 이메일 주소가 맞는지 확인하세요. 링크는 한 번만 사용할 수 있으며 24시간 후에 만료됩니다.
mail-verify-link = 이메일 주소 확인
mail-verify-note = 직접 요청하지 않았다면 이 메일을 무시하세요. 아무것도 변경되지 않습니다.
mail-register-subject = { $product } 계정 만들기
mail-register-text = 아이디와 비밀번호를 설정하고 계정을 만드세요. 링크는 한 번만 사용할 수 있으며 24시간 후에 만료됩니다.
mail-register-link = 계정 만들기
mail-register-note = 직접 요청하지 않았다면 이 메일을 무시하세요. 계정은 만들어지지 않습니다.
mail-invite-subject = { $product }에 초대합니다
mail-invite-text = 관리자의 초대를 받았습니다. 링크를 열어 계정을 만드세요. 링크는 한 번만 사용할 수 있으며 7일 후에 만료됩니다.
mail-invite-link = 계정 만들기
mail-invite-note = 계정이 필요 없다면 이 메일을 무시하세요.
mail-address-in-use-subject = { $product } 계정이 이미 있습니다
mail-address-in-use-text = 이 이메일 주소로 새 계정을 만들려는 요청을 받았지만 이미 계정이 있습니다. 비밀번호를 잊었다면 재설정하세요.
mail-address-in-use-link = 비밀번호 재설정
mail-address-in-use-note = 직접 요청하지 않았다면 이 메일을 무시하세요. 변경된 내용이 없습니다.
mail-password-changed-subject = { $product } 비밀번호가 변경되었습니다
mail-password-changed-text = 비밀번호가 변경되었습니다. 본인이 아니라면 지금 비밀번호를 재설정하세요.
mail-password-changed-link = 비밀번호 재설정
mail-password-changed-note = 본인이라면 이 메일을 무시하세요.
mail-new-device-subject = { $product }에 새로운 로그인이 있습니다
mail-new-device-text = 새 브라우저에서 계정에 로그인했습니다. 본인이 아니라면 지금 비밀번호를 재설정하세요.
mail-new-device-link = 비밀번호 재설정
mail-new-device-note = 본인이라면 이 메일을 무시하세요.
mail-address-wanted-subject = { $product } 이메일 주소 사용 요청
mail-address-wanted-text = 다른 계정에서 이 이메일 주소를 사용하려고 했습니다. 이미 이 계정에서 사용 중인 주소이므로 변경된 내용이 없습니다.
mail-address-wanted-note = 직접 요청했다면 먼저 이 계정의 이메일 주소를 변경하세요. 아니라면 이 메일을 무시하세요.
mail-email-change-asked-subject = { $product } 이메일 주소 변경 요청
mail-email-change-asked-text = 이메일 주소 변경 요청을 받았습니다. 새 이메일 주소를 확인한 후에 변경됩니다. 본인이 아니라면 지금 비밀번호를 재설정하세요.
mail-email-change-asked-link = 비밀번호 재설정
mail-email-change-asked-note = 비밀번호를 재설정하면 요청이 취소됩니다. 본인이라면 새 이메일 주소로 보낸 메일의 링크를 여세요.
mail-email-changed-subject = { $product } 이메일 주소가 변경되었습니다
mail-email-changed-text = 계정의 이메일 주소가 변경되었습니다. 이 주소로는 더 이상 메일을 보내지 않습니다.
mail-email-changed-note = 본인이 아니라면 바로 관리자에게 문의하세요.
mail-account-deleted-subject = { $product } 계정이 삭제되었습니다
mail-account-deleted-text = 계정과 개인 정보가 삭제되었습니다. 더 이상 로그인할 수 없습니다.
mail-account-deleted-note = 본인이 아니라면 바로 관리자에게 문의하세요.

## 메일로 비밀번호 재설정

forgot-link = 비밀번호를 잊었나요?
forgot-title = 비밀번호 재설정
forgot-lead = 재설정 링크를 메일로 보냅니다.
field-login = 이메일 주소 또는 아이디
forgot-button = 링크 보내기
forgot-back = 로그인 페이지로 돌아가기
forgot-alert-title = 아이디 또는 이메일 주소를 입력하지 않았습니다
forgot-alert-text = 아이디 또는 이메일 주소를 입력하세요.
forgot-no-mail = 이 서버는 메일을 보내지 않습니다. 재설정 링크를 받으려면 관리자에게 문의하세요.
notice-reset-asked = 일치하는 계정이 있으면 링크를 보냈습니다. 30분 후에 만료됩니다. 스팸 메일함도 확인하세요.
reset-title = 비밀번호 재설정
reset-lead = 모든 기기에서 로그아웃됩니다. 재설정한 후에 새 비밀번호로 로그인하세요.
reset-button = 비밀번호 재설정
notice-password-reset = 비밀번호를 재설정했습니다. 새 비밀번호로 로그인하세요.
link-expired-reset = 만료되었거나 이미 사용했거나 새 링크로 대체되었습니다. 새 링크를 요청하세요.
alert-too-many-requests-title = 요청이 너무 많습니다
# $wait (글): wait-seconds 또는 wait-minutes의 결과
alert-too-many-requests-text = 현재 네트워크에서 보낸 요청이 너무 많습니다. { $wait } 후에 다시 시도하세요.
# $wait (글): wait-seconds 또는 wait-minutes의 결과
alert-too-many-submissions-text = 이 링크로 시도한 횟수가 너무 많습니다. { $wait } 후에 다시 시도하세요.

## 이메일 주소 확인

field-email = 이메일 주소
verify-title = 이메일 주소 확인
verify-lead = 이 이메일 주소가 본인 계정의 것이 맞는지 확인하세요.
verify-button = 확인
verify-other-title = 다른 계정의 링크입니다
verify-other-text = 현재 { $username } 계정으로 로그인되어 있습니다. 로그아웃한 다음 이메일 주소를 확인할 계정으로 로그인하세요.
verify-other-link = 로그아웃
notice-verify-sign-in = 이메일 주소를 확인하려면 로그인하세요.
notice-email-verified = 이메일 주소를 확인했습니다.
link-expired-verify = 만료되었거나 이미 사용했거나 새 링크로 대체되었거나, 다른 계정에서 사용 중인 주소입니다. 내 계정에서 새 링크를 요청하세요.

## 새 계정

register-link = 계정 만들기
register-title = 계정 만들기
register-lead = 아이디와 비밀번호를 설정하는 링크를 메일로 보냅니다.
register-button = 링크 보내기
register-alert-title = 올바르지 않은 이메일 주소입니다
register-alert-text = name@example.com 형식으로 입력하세요.
mail-queue-full-title = 보낼 메일이 너무 많습니다
# $wait (글): wait-seconds 또는 wait-minutes의 결과
mail-queue-full-text = 지금은 링크를 보낼 수 없습니다. { $wait } 후에 다시 시도하세요.
register-closed-title = 가입할 수 없습니다
register-closed-text = 이 서버에서는 관리자만 계정을 만들 수 있습니다.
notice-account-asked = 메일을 보냈습니다. 계속하려면 메일의 링크를 여세요.
invite-title = 계정 만들기
invite-lead = 아이디와 비밀번호를 설정한 후에 로그인하세요.
invite-button = 계정 만들기
notice-account-made = 계정이 준비되었습니다. 로그인하세요.
link-expired-invite = 만료되었거나 이미 사용했거나 새 링크로 대체되었습니다. 새 링크를 요청하세요.

## 관리

admin-nav = 관리 메뉴
admin-nav-users = 사용자
admin-nav-events = 이벤트
admin-nav-clients = 클라이언트
admin-nav-keys = 서명 키
admin-nav-account = 내 계정
admin-link = 관리
admin-users-title = 사용자
admin-users-none = 일치하는 사용자가 없습니다.
admin-search = 검색
admin-search-hint = 아이디, 이름, 이메일 주소 또는 사용자 ID
admin-search-button = 보기
admin-state = 상태
admin-state-any = 삭제되지 않음
admin-state-active = 활성
admin-state-disabled = 비활성
admin-state-deleted = 삭제됨
admin-role = 역할
admin-role-any = 전체
admin-last-sign-in = 마지막 로그인
admin-never = 없음
admin-pages = 페이지
admin-previous = 이전 페이지
admin-next = 다음 페이지
admin-older = 이전 이벤트
admin-user-id = 사용자 ID
admin-user-kicker = 사용자
admin-email-none = 없음
admin-email-confirmed = 확인됨
admin-email-unconfirmed = 확인되지 않음
admin-password-none = 없음
admin-password-set = 설정됨
# $since (글): 날짜와 시각
admin-password-required = { $since }부터 새 비밀번호가 필요합니다
admin-failed = 로그인 실패
# $count (숫자)
admin-failures = { $count ->
    [0] 없음
   *[other] { $count }회
}
# $until (글): 날짜와 시각
admin-blocked = { $until }까지 로그인이 거부됩니다
admin-created = 생성
admin-read-only = 이 계정은 관리자만 자세히 보고 변경할 수 있습니다.
admin-help = 도움
admin-reset-link = 재설정 링크 보내기
admin-welcome-link = 비밀번호 설정 링크 보내기
admin-unlock = 로그인 실패 기록 지우기
admin-sign-out = 모든 기기에서 로그아웃
admin-enable = 계정 활성화
admin-disable = 계정 비활성화
admin-disable-hint = 모든 기기에서 로그아웃되며 다시 활성화할 때까지 로그인할 수 없습니다.
admin-own-password = 내 비밀번호
admin-grant = 부여
admin-revoke = 해제
admin-email-hint = 이전 주소로 사용자에게 알립니다. 삭제하려면 비워 두세요.
admin-email-save = 주소 저장
admin-invite-title = 초대하기
admin-invite-lead = 계정을 만들 수 있는 링크를 메일로 보냅니다. 한 번만, 7일 안에 사용할 수 있습니다.
admin-invite-no-role = 역할 없음
admin-invite-button = 초대 보내기
admin-events-title = 이벤트
admin-kind = 이벤트 종류
admin-kind-any = 전체
admin-kind-sign-in-failed = 로그인 실패
admin-kind-sign-ins-rejected = 거부된 로그인
admin-kind-users-imported = 가져온 계정
admin-period = 기간
admin-period-day = 최근 24시간
admin-period-week = 최근 7일
admin-period-month = 최근 30일
admin-period-all = 전체
# 작업한 사람의 이름 앞에 옵니다.
admin-by = 작업자:
admin-by-command = 명령줄
admin-by-server = 서버
admin-reason-wrong-password = 잘못된 비밀번호
admin-reason-unknown-username = 알 수 없는 아이디
admin-reason-no-password = 비밀번호가 없는 계정
admin-reason-disabled = 비활성화된 계정
admin-reason-new-password-required = 새 비밀번호 필요
admin-reason-changed = 그사이 변경된 계정
admin-reason-throttled = 너무 많은 시도
admin-reason-overloaded = 서버 과부하
admin-reason-invalid-client = 알 수 없는 클라이언트 또는 잘못된 비밀 키
admin-clients-title = 클라이언트
admin-clients-lead = 클라이언트는 명령줄에서 등록하고 변경합니다.
admin-clients-none = 등록된 클라이언트가 없습니다.
admin-client-name = 이름
admin-client-id = 클라이언트 ID
admin-client-grants = 허용된 방식
admin-client-scopes = 범위
admin-client-secret = 비밀 키 변경
admin-keys-title = 서명 키
admin-keys-lead = 키는 명령줄에서 교체하고 폐기합니다.
admin-keys-none = 토큰은 키가 아니라 공유 비밀(HS256)로 서명됩니다.
admin-key-id = 키 ID
admin-key-algorithm = 알고리즘
admin-key-signs-from = 서명 시작
admin-key-tokens = 유효한 토큰이 있는 세션
admin-key-next = 다음
admin-key-signing = 서명 중
admin-key-old = 이전
admin-key-retired = 폐기됨
admin-alert-last-admin-title = 마지막 관리자
admin-alert-last-admin-text = 변경된 내용이 없습니다. 먼저 다른 사용자를 관리자로 지정하세요.
admin-alert-no-address-title = 이메일 주소 없음
admin-alert-no-address-text = 메일을 보내지 않았습니다. 먼저 이메일 주소를 설정하세요.
admin-alert-no-mail-title = 메일을 보내지 않는 서버
admin-alert-no-mail-text = 메일을 보내지 않았습니다. 명령줄에서 링크를 만드세요: vestibule users reset-link.
admin-alert-queue-full-title = 대기 중인 메일이 너무 많습니다
admin-alert-queue-full-text = 메일을 보내지 않았습니다. 몇 분 후에 다시 시도하세요.
admin-alert-disabled-title = 비활성화된 계정
admin-alert-disabled-text = 메일을 보내지 않았습니다. 먼저 계정을 활성화하세요.
admin-alert-role-title = 부여할 수 없는 역할
admin-alert-role-text = 변경된 내용이 없습니다. 이름이 잘못되었거나 역할이 너무 많습니다.
admin-alert-email-title = 잘못된 이메일 주소
admin-alert-email-text = 변경된 내용이 없습니다. name@example.com 형식으로 입력하세요.
admin-alert-invitations-off-title = 초대를 사용할 수 없음
admin-alert-invitations-off-text = 메일을 보내지 않았습니다. REGISTRATION=invite 설정과 메일 서버가 필요합니다.
admin-alert-unknown-user-title = 없는 사용자
admin-alert-unknown-user-text = 아이디를 입력하거나 비워 두세요.
