#!/bin/sh
# Installs Chromium for the tests of report.html, where it is absent and that is possible; never fails: where there is
# no Chromium, those tests are skipped.
for browser in chromium chromium-browser google-chrome; do
  command -v "$browser" > /dev/null 2>&1 && exit 0
done
if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null 2>&1; then exit 0; fi
echo "installing Chromium for the tests of the report"
export DEBIAN_FRONTEND=noninteractive
timeout 300 sh -c 'apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium' > /dev/null 2>&1 ||
  echo "Chromium could not be installed; the tests that need it will be skipped"
exit 0
