# Has seal.ps1 run once Packer's connection, which it closes, has ended.
$ErrorActionPreference = 'Stop'
$script = 'C:\Windows\Temp\seal.ps1'

$run = New-ScheduledTaskAction -Execute 'powershell.exe' -Argument "-NoProfile -ExecutionPolicy Bypass -File $script"
$when = New-ScheduledTaskTrigger -Once -At (Get-Date).AddSeconds(60)
Register-ScheduledTask -TaskName 'golden-fleet-bake' -Action $run -Trigger $when -User 'SYSTEM' -RunLevel Highest -Force
