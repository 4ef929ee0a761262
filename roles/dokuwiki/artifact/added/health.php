<?php
// What balancers ask for all the time: whether PHP runs this release, and whether its wiki can be read and written.
$release = require __DIR__ . '/inc/release.php';
$shared = dirname(__DIR__, 2) . '/shared';
$amiss = array_values(array_filter(
    ["$shared/conf/local.php", "$shared/data/pages", "$shared/data/meta", "$shared/cache/$release"],
    fn ($path) => !is_writable($path)
));
header("X-Release: $release");
header('Content-Type: application/json');
header('Cache-Control: no-store');
http_response_code($amiss ? 503 : 200);
echo json_encode(['service' => 'dokuwiki', 'version' => $release, 'not_writable' => $amiss], JSON_UNESCAPED_SLASHES), "\n";
