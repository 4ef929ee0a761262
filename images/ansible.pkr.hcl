# What is applied, and to which host: the same for every builder, in whose folder a link leads here.
variable "host" {
  type        = string
  description = "The inventory name of the host that is made into the image."
}

variable "groups" {
  type        = list(string)
  description = "The inventory groups of that host: the service that it is for."
}

variable "play" {
  type        = string
  default     = "provision.yml"
  description = "What is applied to it: a playbook in the folder above."
}

variable "ansible_playbook" {
  type        = string
  default     = "ansible-playbook"
  description = "The ansible-playbook to run."
}

variable "ansible_arguments" {
  type        = list(string)
  default     = []
  description = "Its further arguments: the inventories, and the file with what to bring in."
}
